// Decides when to restart a runner that died: after 1, 2, 4 ... 60 s, and after 1 s again once it has run for
// a minute. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace agenthost::host {

class Restarts {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds max_delay{60}, steady_after{60};

    void running(Clock::time_point now) { running_since_ = now; }
    void died(Clock::time_point now)
    {
        if (now - running_since_ > steady_after) forget();
    }
    // A manual start: the next delay is the first again.
    void forget() { attempts_ = 0; }
    // The delay before the next attempt.
    std::chrono::seconds next_delay()
    {
        constexpr int max_shift = 6; // 64 s
        return std::min(max_delay, std::chrono::seconds{1 << std::min(attempts_++, max_shift)});
    }
    void restarted() { ++total_; }
    [[nodiscard]] std::uint64_t total() const { return total_; }

private:
    int attempts_ = 0;
    std::uint64_t total_ = 0;
    Clock::time_point running_since_{};
};

} // namespace agenthost::host
