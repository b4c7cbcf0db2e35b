#include "off_thread.hpp"

#include <condition_variable>
#include <csignal>
#include <list>
#include <system_error>
#include <thread>

namespace agenthost::host {

namespace {

struct Threads {
    std::mutex mutex;
    std::condition_variable ended;
    std::list<std::thread> running;
    // The last finished thread; it joins the earlier ones, so that no I/O thread has to.
    std::list<std::thread> over;
};

void join(std::list<std::thread>& threads) // they have finished their jobs
{
    for (auto& thread : threads) thread.join();
}

Threads& threads()
{
    static auto& all = *new Threads; // never destroyed: a hanging job may outlive main()
    return all;
}

void block_signals() // the main thread handles signals
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

} // namespace

bool OffThread::run(std::function<void()> job)
{
    auto& all = threads();
    const std::lock_guard lock{all.mutex};
    if (all.running.size() >= max_threads) return false;
    const auto mine = all.running.emplace(all.running.end());
    try {
        *mine = std::thread{[&all, mine, job = std::move(job)]() mutable {
            block_signals();
            job();
            job = nullptr; // free its captures before the thread counts as finished
            std::list<std::thread> before;
            {
                const std::lock_guard ending{all.mutex};
                before.swap(all.over);
                all.over.splice(all.over.end(), all.running, mine);
                all.ended.notify_all();
            }
            join(before);
        }};
    } catch (const std::system_error&) {
        all.running.erase(mine);
        return false;
    }
    return true;
}

bool OffThread::wait_for_all(std::chrono::milliseconds timeout)
{
    auto& all = threads();
    std::list<std::thread> over;
    std::unique_lock lock{all.mutex};
    const bool none_left = all.ended.wait_for(lock, timeout, [&] { return all.running.empty(); });
    over.swap(all.over);
    lock.unlock();
    join(over);
    return none_left;
}

} // namespace agenthost::host
