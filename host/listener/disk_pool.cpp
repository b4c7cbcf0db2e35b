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
        if (stop_) return; // every connection has been told to abort: none waits for this
        if (idle_ == 0 && threads_.size() < most_) grow();
        if (!threads_.empty()) {
            jobs_.push_back(std::move(job));
            return wake_.notify_one();
        }
    }
    job(); // the machine is out of threads: slowly is better than not at all
}

void DiskPool::grow()
{
    try {
        threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) { // those that are there go on
    }
}

void DiskPool::work()
{
    sigset_t
        all; // signals are the main thread's; SIGPIPE of a sendfile() to a peer that left must kill nobody
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
        job = nullptr; // what it holds goes before the next wait
        lock.lock();
    }
}

} // namespace agenthost::host::listener
