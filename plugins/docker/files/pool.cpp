#include "pool.hpp"

#include <csignal>
#include <utility>

namespace agenthost::docker::files {

Pool::Pool(Options options) : options_{options}
{
    // The host handles signals: a plugin's threads block them.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { loop(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

std::shared_ptr<base::Cancel> Pool::submit(Job job)
{
    auto cancel = std::make_shared<base::Cancel>();
    const std::lock_guard lock{mutex_};
    if (stopped_ || waiting_.size() >= options_.max_waiting) return nullptr;
    waiting_.push_back({std::move(job), cancel});
    changed_.notify_one();
    return cancel;
}

void Pool::stop()
{
    {
        const std::lock_guard lock{mutex_};
        stopped_ = true;
        for (const Task& task : waiting_) task.cancel->set();
        for (const auto& cancel : running_) cancel->set();
        changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

std::size_t Pool::waiting() const
{
    const std::lock_guard lock{mutex_};
    return waiting_.size();
}

void Pool::loop()
{
    std::unique_lock lock{mutex_};
    for (;;) {
        changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        Task task = std::move(waiting_.front());
        waiting_.pop_front();
        running_.insert(task.cancel);
        lock.unlock();
        try {
            task.job(*task.cancel);
        } catch (...) {
            // The job answers its request itself; there is nobody else to tell.
        }
        task.job = nullptr; // destroy what it holds outside the lock
        lock.lock();
        running_.erase(task.cancel);
    }
}

} // namespace agenthost::docker::files
