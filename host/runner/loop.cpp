#include "loop.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace agenthost::host::runner {

namespace {

// Far in the future, without overflowing the clock.
constexpr std::uint64_t ten_years_ns = 10ull * 365 * 24 * 3600 * 1'000'000'000;
std::chrono::nanoseconds bounded(std::uint64_t ns)
{
    return std::chrono::nanoseconds{std::min(ns, ten_years_ns)};
}

} // namespace

agh_status Loop::add(const Task& task, agh_task* made)
{
    {
        const std::scoped_lock lock{mutex_};
        if (tasks_.size() >= max_tasks) return AGH_E_BUSY;
        *made = ++last_;
        tasks_.emplace(last_, task);
    }
    wake_();
    return AGH_OK;
}

agh_status Loop::timer(std::uint64_t delay_ns, std::uint64_t period_ns, std::uint64_t cookie, agh_task* made)
{
    return add({.cookie = cookie, .due = Clock::now() + bounded(delay_ns), .period = bounded(period_ns)},
               made);
}

agh_status Loop::watch(int fd, std::uint32_t events, std::uint64_t cookie, agh_task* made)
{
    struct stat info {};
    if (::fstat(fd, &info) != 0 || S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) return AGH_E_INVALID;
    return add({.cookie = cookie, .fd = fd, .events = events}, made);
}

agh_status Loop::post(std::uint64_t cookie)
{
    {
        const std::scoped_lock lock{mutex_};
        if (posts_waiting_ >= max_posts) return AGH_E_BUSY;
        ++posts_waiting_;
        posts_.push_back(cookie);
    }
    wake_();
    return AGH_OK;
}

agh_status Loop::cancel(agh_task task)
{
    const std::scoped_lock lock{mutex_};
    return tasks_.erase(task) != 0 ? AGH_OK : AGH_E_STALE;
}

std::optional<Loop::Clock::duration> Loop::prepare(std::vector<pollfd>& fds)
{
    const std::scoped_lock lock{mutex_};
    polled_.clear();
    std::optional<Clock::time_point> next;
    for (const auto& [id, task] : tasks_) {
        if (task.fired && task.period.count() == 0) continue;
        if (task.fd >= 0) {
            fds.push_back({task.fd, static_cast<short>(task.events), 0});
            polled_.push_back(id);
        } else if (!next || task.due < *next)
            next = task.due;
    }
    if (!posts_.empty()) return Clock::duration::zero();
    if (!next) return std::nullopt;
    return std::max(*next - Clock::now(), Clock::duration::zero());
}

std::vector<Loop::Fired> Loop::collect(const pollfd* fds, std::size_t count)
{
    std::vector<Fired> out;
    const std::scoped_lock lock{mutex_};
    const auto fire = [&](agh_task id, Task& task, std::uint32_t events) {
        if (std::exchange(task.fired, true)) return; // the previous one has not run yet: skip this one
        out.push_back({id, task.cookie, events});
    };
    for (std::size_t i = 0; i < count && i < polled_.size(); ++i) {
        const auto found = fds[i].revents != 0 ? tasks_.find(polled_[i]) : tasks_.end();
        if (found != tasks_.end())
            fire(found->first, found->second, static_cast<std::uint32_t>(fds[i].revents));
    }
    const auto now = Clock::now();
    for (auto& [id, task] : tasks_) {
        if (task.fd >= 0 || task.due > now) continue;
        fire(id, task, 0);
        if (task.period.count() > 0)
            task.due += (1 + (now - task.due) / task.period) * task.period; // missed periods are skipped
    }
    for (const std::uint64_t cookie : posts_) out.push_back({0, cookie, 0});
    posts_.clear();
    return out;
}

bool Loop::begin(const Fired& fired)
{
    const std::scoped_lock lock{mutex_};
    if (fired.task == 0) --posts_waiting_;
    if (closed_) return false;
    if (fired.task == 0) return true;
    const auto found = tasks_.find(fired.task);
    if (found == tasks_.end()) return false;
    if (found->second.period.count() > 0)
        found->second.fired = false;
    else
        tasks_.erase(found);
    return true;
}

void Loop::close()
{
    const std::scoped_lock lock{mutex_};
    closed_ = true;
    tasks_.clear();
}

} // namespace agenthost::host::runner
