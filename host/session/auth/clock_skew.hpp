// Estimates the server's clock, for protocols that sign with a time: from an HTTP Date of the server, and
// from its refusals.
//
// Deployed servers refuse a timestamp that is ahead of theirs by any amount, so the estimate is never ahead:
// Date counts only whole seconds, and is taken for the moment its response arrived. From there the estimate
// follows a clock that also counts while the machine is suspended and that nobody sets. So it is behind by at
// most a second and the response's time on the network. Without a Date the difference is unknown; each
// refusal of a timestamp then moves the estimate further back.
//
// Pure. Owned by ServerTime.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host {

class ServerClock {
public:
    // A Date at the moment it arrived. `utc_ms`: this machine's clock then. `running_ms`: a clock that is
    // never set and never stops. An old Date must not be measured again: the time since it arrived would look
    // like a skew.
    void measure(std::int64_t date_ms, std::int64_t utc_ms, std::int64_t running_ms);
    // The server's clock, or this machine's if nothing was measured; less back() in both cases.
    [[nodiscard]] std::int64_t now(std::int64_t utc_ms, std::int64_t running_ms) const
    {
        return (measured_ ? date_ + (running_ms - at_) : utc_ms) - back_;
    }
    [[nodiscard]] bool measured() const { return measured_; }
    // How far this machine's clock was ahead of the server's when it was measured (negative: behind);
    // nullopt: unknown. 0 if the difference is within the precision of a Date.
    [[nodiscard]] std::optional<std::int64_t> ahead() const
    {
        return measured_ ? std::optional{ahead_} : std::nullopt;
    }
    // The server refused our timestamp. From now on we sign further in the past: 1, 2, 4 ... 240 s, then from
    // 0 again.
    void refused();
    // Milliseconds.
    [[nodiscard]] std::int64_t back() const { return back_; }
    // "this machine's clock is 412 s ahead of the server's. ..."; empty: the difference is too small to
    // report.
    [[nodiscard]] std::string problem() const;
    // After a refusal: what is known about the two clocks, and what is tried next.
    [[nodiscard]] std::string refusal() const;

private:
    bool measured_ = false;
    // Milliseconds.
    std::int64_t date_ = 0, at_ = 0, ahead_ = 0, back_ = 0;
};

// CLOCK_BOOTTIME.
std::int64_t running_ms();

} // namespace agenthost::host
