// Does an event loop still turn? The loop stamps, anyone looks how long ago that was. Lock-free, any thread.
#pragma once

#include <atomic>
#include <chrono>

namespace agenthost::host {

class LoopStamp {
public:
    static constexpr std::chrono::seconds every{1}; // a loop stamps
    static constexpr std::chrono::seconds stale{
        5}; // older: something blocks the loop, and every session with it

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
