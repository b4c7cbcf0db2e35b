// A thread for blocking work (opening files, reading secrets) and for the hub's clock. Jobs run in order; the
// queue is bounded; stop() runs the accepted jobs, then joins.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace agenthost::hub {

class Worker {
public:
    using Clock = std::chrono::steady_clock;

    // `tick` is called on the worker's thread no later than the time it last returned, or the time given to
    // wake_by().
    Worker(std::size_t bound, std::function<Clock::time_point()> tick) : bound_{bound}, tick_{std::move(tick)}
    {}
    ~Worker() { stop(); }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void start();
    void stop();
    bool post(std::function<void()> job); // false: full or stopped
    void wake_by(Clock::time_point);

private:
    void run();

    const std::size_t bound_;
    std::function<Clock::time_point()> tick_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;
    Clock::time_point next_tick_{};
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace agenthost::hub
