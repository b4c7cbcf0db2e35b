// Remembers whether a plugin is healthy, and prevents a second check while one has not returned. Pure.
#pragma once

#include <chrono>

namespace agenthost::host {

class HealthCheck {
public:
    using Clock = std::chrono::steady_clock;
    // The ABI allows 100 ms; after this time a check counts as hanging.
    static constexpr std::chrono::seconds timeout{5};

    enum class Ask {
        now,
        pending, // a check is running
        hangs    // the last check did not return in time
    };
    Ask ask(Clock::time_point now)
    {
        if (asked_) return now - asked_at_ < timeout ? Ask::pending : Ask::hangs;
        asked_ = true;
        asked_at_ = now;
        return Ask::now;
    }
    // The check has returned, or the plugin is gone.
    void returned() { asked_ = false; }

    void set_healthy()
    {
        healthy_ = true;
        degraded_ = false;
    }
    // `degraded`: the plugin reports that it works in part.
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
