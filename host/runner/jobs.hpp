// Threads that run jobs from a queue: the plugin's workers or, with one thread, its control thread. The queue
// is bounded by its sources: the host's open requests, the loop's tasks, the pending calls.
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
    // `owed`: it runs even if stop() comes first (a promised answer).
    void add(Function<void()> job, bool owed = false)
    {
        {
            const std::scoped_lock lock{mutex_};
            if (stopping_) return;
            queue_.push_back({std::move(job), owed});
        }
        changed_.notify_one();
    }
    // Drops waiting jobs that are not owed, and lets running ones finish.
    void stop()
    {
        {
            const std::scoped_lock lock{mutex_};
            stopping_ = true;
            std::erase_if(queue_, [](const Job& job) { return !job.owed; });
        }
        changed_.notify_all();
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
    }

private:
    struct Job {
        Function<void()> run;
        bool owed = false;
    };
    void run()
    {
        for (;;) {
            Job job;
            {
                std::unique_lock lock{mutex_};
                changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
                if (queue_.empty()) return;
                job = std::move(queue_.front());
                queue_.pop_front();
            }
            job.run();
        }
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace agenthost::host::runner
