#include "run_context.hpp"

namespace agenthost::host {

std::string RunContext::start()
{
    try {
        if (by_workers_) pool_.start();
    } catch (const std::exception& e) {
        return std::string{"no threads for its workers ("} + e.what() +
               "). Raise the limit of processes (TasksMax of the service, ulimit -u), or free some.";
    }
    return {};
}

void RunContext::release()
{
    std::deque<std::function<void()>> early;
    {
        const std::lock_guard lock{mutex_};
        open_ = true;
        early.swap(early_);
    }
    for (auto& f : early) soon(std::move(f));
}

void RunContext::soon(std::function<void()> f)
{
    {
        const std::lock_guard lock{mutex_};
        if (!open_) {
            early_.push_back(std::move(f));
            return;
        }
    }
    if (by_workers_) {
        pool_.task(std::move(f));
        return;
    }
    options_.main->post([this, weak = options_.owner, f = std::move(f)] {
        const auto owner = weak->lock();
        if (!owner) return;
        if (by_workers_)
            pool_.task(f); // moved to the workers in the meantime
        else
            f();
    });
}

bool RunContext::use_workers()
{
    try {
        pool_.start();
    } catch (const std::exception&) { // out of threads
        return false;
    }
    by_workers_ = true;
    return true;
}

} // namespace agenthost::host
