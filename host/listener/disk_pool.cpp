#include "disk_pool.hpp"

#include <csignal>
#include <system_error>

namespace agenthost::host::listener {

void DiskPool::end()
{
    std::vector<std::thread> threads;
    {
        const std::scoped_lock lock{mutex_};
        stop_ = true;
        threads.swap(threads_);
    }
    wake_.notify_all();
    for (auto& thread : threads) thread.join();
}

void DiskPool::run(std::function<void()> job)
{
    {
        const std::scoped_lock lock{mutex_};
        if (stop_) return; // every connection was aborted: none waits for this job
        if (idle_ == 0 && threads_.size() < max_threads_) grow();
        if (!threads_.empty()) {
            jobs_.push_back(std::move(job));
            return wake_.notify_one();
        }
    }
    job(); // no thread can be started: the caller does the work, slowly
}

void DiskPool::grow()
{
    try {
        threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) { // the threads that exist do the work
    }
}

void DiskPool::work()
{
    // The main thread handles signals. SIGPIPE, from sendfile() to a peer that closed, must not end the
    // process.
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::unique_lock lock{mutex_};
    for (;;) {
        ++idle_;
        wake_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
        --idle_;
        if (jobs_.empty()) return;
        auto job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job();
        job = nullptr; // frees what it holds before the next wait
        lock.lock();
    }
}

} // namespace agenthost::host::listener
