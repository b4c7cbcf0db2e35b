#include "worker.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::hub {

void Worker::start()
{
    next_tick_ = Clock::now();
    thread_ = std::thread{[this] { run(); }};
}

void Worker::stop()
{
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool Worker::post(std::function<void()> job)
{
    {
        const std::lock_guard lock{mutex_};
        if (stopping_ || jobs_.size() >= bound_) return false;
        jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
    return true;
}

void Worker::wake_by(Clock::time_point when)
{
    {
        const std::lock_guard lock{mutex_};
        if (when >= next_tick_) return;
        next_tick_ = when;
    }
    changed_.notify_one();
}

void Worker::run()
{
    std::unique_lock lock{mutex_};
    for (;;) {
        changed_.wait_until(lock, next_tick_,
                            [this] { return stopping_ || !jobs_.empty() || Clock::now() >= next_tick_; });
        // Jobs that post further jobs, such as file readers, must not delay the tick.
        while (!jobs_.empty() && (stopping_ || Clock::now() < next_tick_)) {
            auto job = std::move(jobs_.front());
            jobs_.pop_front();
            lock.unlock();
            job();
            job = {};
            lock.lock();
        }
        if (stopping_) return;
        if (Clock::now() < next_tick_) continue;
        next_tick_ = Clock::time_point::max(); // an earlier wake_by() during tick() counts
        lock.unlock();
        const auto next = tick_();
        lock.lock();
        next_tick_ = std::min(next_tick_, next);
    }
}

} // namespace agenthost::hub
