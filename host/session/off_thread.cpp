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
    std::list<std::thread> running, over;

    void join_over() // under the mutex, which they no longer want: they are at their last instructions
    {
        for (auto& thread : over) thread.join();
        over.clear();
    }
};

Threads& threads()
{
    static auto& all = *new Threads; // never destroyed: a job that hangs may outlive main()
    return all;
}

void block_signals() // they are the main thread's
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
    all.join_over();
    if (all.running.size() >= most) return false;
    const auto mine = all.running.emplace(all.running.end());
    try {
        *mine = std::thread{[&all, mine, job = std::move(job)]() mutable {
            block_signals();
            job();
            job = nullptr; // what it holds goes before the thread counts as over
            const std::lock_guard ending{all.mutex};
            all.over.splice(all.over.end(), all.running, mine);
            all.ended.notify_all();
        }};
    } catch (const std::system_error&) {
        all.running.erase(mine);
        return false;
    }
    return true;
}

bool OffThread::wait_for_all(std::chrono::milliseconds patience)
{
    auto& all = threads();
    std::unique_lock lock{all.mutex};
    const bool none_left = all.ended.wait_for(lock, patience, [&] { return all.running.empty(); });
    all.join_over();
    return none_left;
}

} // namespace agenthost::host
