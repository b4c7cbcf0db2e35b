#include "pool.hpp"

#include <csignal>
#include <system_error>

namespace agenthost::storage {

void Pool::start(std::function<void()> first)
{
    const std::lock_guard lock{mutex_};
    spawn([this, first = std::move(first)] {
        first();
        const std::lock_guard done{mutex_};
        open_ = true;
        wake();
    });
}

void Pool::spawn(std::function<void()> first)
{
    // The host handles signals: a plugin's threads block them.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    threads_.emplace_back([this, first = std::move(first)] {
        {
            const std::lock_guard lock{mutex_};
            --starting_;
        }
        if (first) first();
        loop();
    });
    ++starting_;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Pool::wake()
{
    const bool work = schedule_.waiting() + withdrawn_.size() > 0;
    if (work && idle_ + starting_ == 0 && threads_.size() < max_threads_ && !stopped_) {
        try {
            spawn();
        } catch (const std::system_error&) {
            // The machine is out of threads: the existing ones continue.
        }
    }
    changed_.notify_all();
}

void Pool::stop()
{
    {
        const std::lock_guard lock{mutex_};
        stopped_ = true;
        for (auto& [ticket, work] : works_) work->stop();
        withdraw_cancelled();
        changed_.notify_all();
    }
    for (auto& thread : threads_) thread.join(); // no thread is added after stopped_ is set
    threads_.clear();
    for (const auto& work : withdrawn_) work->run(0); // if it never started
    withdrawn_.clear();
    works_.clear();
}

bool Pool::submit(Schedule::Job job, std::shared_ptr<Work> work)
{
    const std::lock_guard lock{mutex_};
    if (stopped_) return false;
    const auto ticket = schedule_.add(std::move(job));
    if (!ticket) return false;
    works_.emplace(*ticket, std::move(work));
    withdraw_cancelled(); // the new job may already be cancelled
    wake();
    return true;
}

void Pool::opened(Ticket ticket)
{
    const std::lock_guard lock{mutex_};
    schedule_.opened(ticket);
    changed_.notify_all();
}

void Pool::run_cancelled()
{
    const std::lock_guard lock{mutex_};
    withdraw_cancelled();
    wake();
}

void Pool::withdraw_cancelled()
{
    for (auto at = works_.begin(); at != works_.end();) {
        if (at->second->cancel().is_set() && schedule_.withdraw(at->first)) {
            withdrawn_.push_back(std::move(at->second));
            at = works_.erase(at);
        } else {
            ++at;
        }
    }
}

std::shared_ptr<Work> Pool::next(std::unique_lock<std::mutex>& lock, Ticket& ticket)
{
    for (;;) {
        if (!withdrawn_.empty()) {
            auto work = std::move(withdrawn_.back());
            withdrawn_.pop_back();
            ticket = 0;
            return work;
        }
        if (stopped_) return nullptr;
        if (open_) {
            if (const auto found = schedule_.next()) {
                ticket = *found;
                return works_.at(ticket);
            }
        }
        ++idle_;
        changed_.wait(lock);
        --idle_;
    }
}

void Pool::loop()
{
    std::unique_lock lock{mutex_};
    Ticket ticket = 0;
    while (auto work = next(lock, ticket)) {
        wake(); // let another thread check whether more can run
        lock.unlock();
        work->run(ticket);
        lock.lock();
        if (ticket != 0) {
            schedule_.finished(ticket);
            works_.erase(ticket);
            changed_.notify_all();
        }
        lock.unlock();
        work.reset(); // destroy its request outside the lock, because a cancel callback may hold it
        lock.lock();
    }
}

Pool::Load Pool::load() const
{
    const std::lock_guard lock{mutex_};
    return {schedule_.waiting(), schedule_.running_slots()};
}

} // namespace agenthost::storage
