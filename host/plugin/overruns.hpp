// Detects an inline plugin that blocks: its invoke() took longer than 5 ms three times in a minute. Such a
// call delays every session of its thread. Pure, except for coarse_ns().
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include <time.h>

namespace agenthost::host {

class Overruns {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds max_call{5};
    static constexpr std::size_t max_overruns = 3;
    static constexpr std::chrono::seconds window{60};

    // CLOCK_MONOTONIC_COARSE costs a quarter of the exact clock and lags by at most one tick, so a difference
    // of more than 5 ms plus one tick is certainly more than 5 ms.
    static std::int64_t coarse_ns()
    {
        timespec t{};
        ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
        return t.tv_sec * 1'000'000'000 + t.tv_nsec;
    }
    static bool too_long(std::int64_t ns)
    {
        static const std::int64_t max_ns = [] {
            timespec tick{};
            ::clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
            return std::chrono::nanoseconds{max_call}.count() + tick.tv_nsec;
        }();
        return ns > max_ns;
    }

    // A call took too long. Returns true if there were too many.
    bool add(Clock::time_point now)
    {
        ++total_;
        std::erase_if(recent_, [&](Clock::time_point t) { return now - t > window; });
        recent_.push_back(now);
        return recent_.size() >= max_overruns;
    }
    [[nodiscard]] std::uint64_t total() const { return total_; }

private:
    std::uint64_t total_ = 0;
    std::vector<Clock::time_point> recent_;
};

} // namespace agenthost::host
