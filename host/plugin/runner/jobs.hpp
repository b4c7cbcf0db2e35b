// Threads that do one thing after the other from a queue: the plugin's workers, and, with one thread, its control thread. The queue is bounded by
// what fills it: the host's open requests, the loop's tasks, the calls under way.
#pragma once

#include <agenthost/function.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace agenthost::host::runner {

class Jobs {
public:
    void start(unsigned threads)
    {
        for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
    }
    void add(Function<void()> job)
    {
        {
            const std::scoped_lock lock{mutex_};
            if (stopping_) return;
            queue_.push_back(std::move(job));
        }
        changed_.notify_one();
    }
    // Drops what waits, lets what runs end.
    void stop()
    {
        {
            const std::scoped_lock lock{mutex_};
            stopping_ = true;
            queue_.clear();
        }
        changed_.notify_all();
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
    }

private:
    void run()
    {
        for (;;) {
            Function<void()> job;
            {
                std::unique_lock lock{mutex_};
                changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
                if (stopping_) return;
                job = std::move(queue_.front());
                queue_.pop_front();
            }
            job();
        }
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace agenthost::host::runner
