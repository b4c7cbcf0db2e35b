// Ends admission when the host shuts down, and reports when the last request has ended or the grace period
// is over.
//
// Main thread. Owned by Dispatcher::Impl.
#pragma once

#include "core.hpp"

namespace agenthost::host {

class Drain {
public:
    explicit Drain(Core& core) : core_{core} {}

    // `idle` is called once.
    void start(std::chrono::milliseconds grace, std::function<void()> idle);
    [[nodiscard]] bool started() const { return started_; }
    // A request has ended.
    void check_idle();

    void tick(Clock::time_point now);
    // The end of the grace period, if it has not passed.
    [[nodiscard]] Clock::time_point due() const { return until_; }

private:
    Core& core_;
    bool started_ = false;
    std::function<void()> idle_;
    Clock::time_point until_ = Clock::time_point::max();
};

} // namespace agenthost::host
