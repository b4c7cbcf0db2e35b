// The server's clock, as far as the HTTP Date of its upgrade response tells. For protocols that sign with a time.
//
// Deployed servers refuse a timestamp that is ahead of theirs by any amount, so the estimate errs to the past: Date counts whole
// seconds that have begun, and we take it for the moment its answer arrived. It runs on from there by the time that has passed
// (suspended time included), whatever happens to this machine's clock meanwhile. At most a second and the way back behind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host {

// "Fri, 20 Nov 2026 17:44:00 GMT" as UTC ms; the forms that RFC 9110 calls obsolete are not read.
std::optional<std::int64_t> parse_http_date(std::string_view);

class ServerClock {
public:
    // Date as it arrived now. `utc_ms` is this machine's clock, `running_ms` a clock that is never set and never stands still.
    void measure(std::int64_t date_ms, std::int64_t utc_ms, std::int64_t running_ms);
    void forget() { measured_ = false; }
    // The server's clock; this machine's when nothing was measured.
    [[nodiscard]] std::int64_t now(std::int64_t utc_ms, std::int64_t running_ms) const
    {
        return measured_ ? date_ + (running_ms - at_) : utc_ms;
    }
    // How far this machine's clock is ahead of the server's (negative: behind), as measured; 0 when it may as well agree: Date tells no
    // more than the second, and its way back takes time.
    [[nodiscard]] std::int64_t ahead() const { return measured_ ? ahead_ : 0; }
    // "this machine's clock is 412 s ahead of the server's. ..." when that is a problem worth a person's time; else empty.
    [[nodiscard]] std::string problem() const;

private:
    bool measured_ = false;
    std::int64_t date_ = 0, at_ = 0, ahead_ = 0;
};

std::int64_t running_ms(); // CLOCK_BOOTTIME

} // namespace agenthost::host
