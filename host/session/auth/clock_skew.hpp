// Estimates the server's clock, for protocols that sign with a time: from an HTTP Date of the server, and from its refusals.
//
// Deployed servers refuse a timestamp that is ahead of theirs by any amount, so the estimate errs to the past: Date counts whole
// seconds that have begun, and we take it for the moment its answer arrived. It runs on from there by the time that has passed
// (suspended time included), whatever happens to this machine's clock meanwhile. At most a second and the way back behind.
// A server that sends no Date leaves the difference unknown; each refusal of a timestamp then moves the estimate further back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host {

class ServerClock {
public:
    // A Date at the moment it arrived. `utc_ms` is this machine's clock then, `running_ms` a clock that is never set and never stands
    // still. An old Date must not be measured again: the time since it came would look like a skew.
    void measure(std::int64_t date_ms, std::int64_t utc_ms, std::int64_t running_ms);
    // The server's clock; this machine's when nothing was measured. Less `back()` in both cases.
    [[nodiscard]] std::int64_t now(std::int64_t utc_ms, std::int64_t running_ms) const
    {
        return (measured_ ? date_ + (running_ms - at_) : utc_ms) - back_;
    }
    [[nodiscard]] bool measured() const { return measured_; }
    // How far this machine's clock is ahead of the server's (negative: behind), as measured; nullopt: unknown. 0 when it may as well
    // agree: Date tells no more than the second, and its way back takes time.
    [[nodiscard]] std::optional<std::int64_t> ahead() const
    {
        return measured_ ? std::optional{ahead_} : std::nullopt;
    }
    // The server refused our timestamp. From now on we sign further in the past: 1, 2, 4 ... 240 s, then from 0 again.
    void refused();
    [[nodiscard]] std::int64_t back() const { return back_; } // ms
    // "this machine's clock is 412 s ahead of the server's. ..." when that is a problem worth a person's time; else empty.
    [[nodiscard]] std::string problem() const;
    // What is known about the two clocks and what is tried next, after a refusal.
    [[nodiscard]] std::string refusal() const;

private:
    bool measured_ = false;
    std::int64_t date_ = 0, at_ = 0, ahead_ = 0, back_ = 0;
};

std::int64_t running_ms(); // CLOCK_BOOTTIME

} // namespace agenthost::host
