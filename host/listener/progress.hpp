// Detects a stalled transfer. A value; the time is passed in.
#pragma once

#include <chrono>
#include <cstdint>

namespace agenthost::host::listener {

class Progress {
public:
    using Clock = std::chrono::steady_clock;

    // `bytes`: the counter that stalled() is going to be given.
    void restart(Clock::time_point now, std::uint64_t bytes)
    {
        at_ = now;
        bytes_ = bytes;
    }
    void moved(Clock::time_point now) { at_ = now; }
    // Since the last progress.
    [[nodiscard]] Clock::duration idle(Clock::time_point now) const { return now - at_; }
    // Call it at every tick. True: `bytes` grew by less than `min_bytes` within `timeout`.
    bool stalled(Clock::time_point now, std::uint64_t bytes, std::uint64_t min_bytes,
                 std::chrono::milliseconds timeout)
    {
        if (bytes - bytes_ < min_bytes) return idle(now) >= timeout;
        restart(now, bytes);
        return false;
    }

private:
    Clock::time_point at_;
    std::uint64_t bytes_ = 0;
};

} // namespace agenthost::host::listener
