#include "pool.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <system_error>
#include <utility>

namespace agenthost::base {

Pool::Pool(Options options) : turns_{options.threads, options.max_waiting}
{
    for (unsigned i = 0; i < options.threads; ++i) spawn();
}

void Pool::spawn()
{
    // The host handles signals: a plugin's threads block them.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        threads_.emplace_back([this] { loop(); });
    } catch (const std::system_error&) {
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        if (threads_.empty()) throw;
        return; // the machine is out of threads: the others continue
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// Under the lock.
void Pool::run_next()
{
    while (const auto ticket = turns_.next()) {
        ready_.push_back(*ticket);
        if (threads_.size() < turns_.running() && !stopped_) spawn();
    }
    changed_.notify_all();
}

std::shared_ptr<Cancel> Pool::submit(Job job, std::string_view caller)
{
    auto cancel = std::make_shared<Cancel>();
    const std::lock_guard lock{mutex_};
    if (stopped_) return nullptr;
    const auto ticket = turns_.add(caller);
    if (!ticket) return nullptr;
    tasks_.emplace(*ticket, Task{std::move(job), cancel});
    run_next();
    return cancel;
}

Pool::Job Pool::withdraw(const std::shared_ptr<Cancel>& cancel)
{
    const std::lock_guard lock{mutex_};
    const auto task = std::find_if(tasks_.begin(), tasks_.end(),
                                   [&](const auto& each) { return each.second.cancel == cancel; });
    if (task == tasks_.end() || !turns_.withdraw(task->first)) return {};
    Job job = std::move(task->second.job);
    tasks_.erase(task);
    return job;
}

void Pool::stop()
{
    {
        const std::lock_guard lock{mutex_};
        stopped_ = true;
        for (const auto& [ticket, task] : tasks_) {
            task.cancel->set();
            if (turns_.withdraw(ticket)) ready_.push_back(ticket);
        }
        changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join(); // no thread is added after stopped_ is set
    threads_.clear();
}

std::size_t Pool::waiting() const
{
    const std::lock_guard lock{mutex_};
    return turns_.waiting();
}

std::string Pool::no_place(std::string_view caller) const
{
    const std::lock_guard lock{mutex_};
    return std::to_string(turns_.waiting()) + " wait, " + std::to_string(turns_.waiting(caller)) +
           " of them of " + (caller.empty() ? "this caller" : std::string{caller}) +
           ", which has used its share";
}

void Pool::loop()
{
    // Archives and transfers give way to the games on the same disk, where its scheduler knows priorities.
    // ioprio_set(2); <linux/ioprio.h> is not C++ in Debian 12's kernel headers since 6.1.192.
    constexpr int who_process = 1, class_shift = 13, best_effort = 2, lowest = 7;
    ::syscall(SYS_ioprio_set, who_process, 0, best_effort << class_shift | lowest);
    std::unique_lock lock{mutex_};
    for (;;) {
        changed_.wait(lock, [this] { return stopped_ || !ready_.empty(); });
        if (ready_.empty()) return;
        const Ticket ticket = ready_.front();
        ready_.pop_front();
        Task& task = tasks_.at(ticket); // stays where it is: only this thread erases it
        lock.unlock();
        try {
            task.job(*task.cancel);
        } catch (...) {
            // The job answers its request itself; there is nobody else to tell.
        }
        task.job = nullptr; // destroy what it holds outside the lock
        lock.lock();
        tasks_.erase(ticket);
        turns_.finished(ticket);
        run_next();
    }
}

} // namespace agenthost::base
