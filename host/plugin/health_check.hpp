// Keeps whether a plugin is healthy, and asks it no second time while a check has not returned. Values only.
#pragma once

#include <chrono>

namespace agenthost::host {

class HealthCheck {
public:
    using Clock = std::chrono::steady_clock;
    // The ABI says 100 ms; this is when we give up asking.
    static constexpr std::chrono::seconds timeout{5};

    enum class Ask {
        now,
        pending, // its answer is on the way
        hangs    // the last check has not returned in time
    };
    Ask ask(Clock::time_point now)
    {
        if (asked_) return now - asked_at_ < timeout ? Ask::pending : Ask::hangs;
        asked_ = true;
        asked_at_ = now;
        return Ask::now;
    }
    // The check has returned, or who should have answered is gone.
    void returned() { asked_ = false; }

    void set_healthy()
    {
        healthy_ = true;
        degraded_ = false;
    }
    // `degraded`: by its own word it works in part.
    void set_unhealthy(bool degraded)
    {
        healthy_ = false;
        degraded_ = degraded;
    }
    [[nodiscard]] bool healthy() const { return healthy_; }
    [[nodiscard]] bool degraded() const { return degraded_; }

private:
    bool healthy_ = true, degraded_ = false, asked_ = false;
    Clock::time_point asked_at_;
};

} // namespace agenthost::host
