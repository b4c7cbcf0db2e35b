// Detects a blocked event loop: the loop sets a time stamp, and any thread can read its age. Lock-free.
#pragma once

#include <atomic>
#include <chrono>

namespace agenthost::host {

class LoopStamp {
public:
    static constexpr std::chrono::seconds every{1}; // a loop stamps
    static constexpr std::chrono::seconds stale{
        5}; // an older stamp: something blocks the loop and all its sessions

    using Clock = std::chrono::steady_clock;
    explicit LoopStamp(Clock::time_point now = Clock::now()) { stamp(now); }
    void stamp(Clock::time_point now = Clock::now())
    {
        at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    }
    [[nodiscard]] Clock::duration age(Clock::time_point now = Clock::now()) const
    {
        const Clock::duration at{at_.load(std::memory_order_relaxed)};
        return now.time_since_epoch() - at;
    }

private:
    std::atomic<Clock::rep> at_{0};
};

} // namespace agenthost::host
