// loop/1 for the FakeHost: timers, watches and posts on one thread.
#pragma once

#include "../abi.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace agenthost::testing {

class FakeLoop {
public:
    using OnTask = std::function<void(agh_task, std::uint64_t cookie, std::uint32_t events)>;
    static constexpr std::size_t bound = 1024; // as the host's

    explicit FakeLoop(OnTask on_task)
        : on_task_{std::move(on_task)}, wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}
    {}
    FakeLoop(const FakeLoop&) = delete;
    FakeLoop& operator=(const FakeLoop&) = delete;
    ~FakeLoop()
    {
        stop();
        ::close(wake_);
    }

    // Tasks wait until the plugin has started: no on_task while create or start is running.
    void start()
    {
        stopping_ = false;
        if (!thread_.joinable()) thread_ = std::thread{[this] { run(); }};
    }
    // Before destroy: when it returns no on_task is running or will.
    void stop()
    {
        {
            const std::scoped_lock lock{mutex_};
            stopping_ = true;
        }
        wake();
        if (thread_.joinable()) thread_.join();
        const std::scoped_lock lock{mutex_};
        tasks_.clear();
        posts_.clear();
        calls_.clear();
    }

    agh_status timer(std::uint64_t delay_ns, std::uint64_t period_ns, std::uint64_t cookie, agh_task* made)
    {
        const auto due = Clock::now() + std::chrono::nanoseconds{delay_ns};
        return add({.cookie = cookie, .due = due, .period = std::chrono::nanoseconds{period_ns}}, made);
    }
    agh_status watch(int fd, std::uint32_t events, std::uint64_t cookie, agh_task* made)
    {
        pollfd probe{.fd = fd, .events = static_cast<short>(events), .revents = 0};
        if (fd < 0 || ::poll(&probe, 1, 0) < 0 || (probe.revents & POLLNVAL) != 0) return AGH_E_INVALID;
        return add({.cookie = cookie, .fd = fd, .events = events}, made);
    }
    agh_status post(std::uint64_t cookie)
    {
        {
            const std::scoped_lock lock{mutex_};
            if (posts_.size() >= bound) return AGH_E_BUSY;
            posts_.push_back(cookie);
        }
        wake();
        return AGH_OK;
    }
    agh_status cancel(agh_task task)
    {
        const std::scoped_lock lock{mutex_};
        return tasks_.erase(task) != 0 ? AGH_OK : AGH_E_STALE;
    }
    // Runs a function of the FakeHost on the same thread.
    void call(std::function<void()> fn)
    {
        {
            const std::scoped_lock lock{mutex_};
            calls_.push_back(std::move(fn));
        }
        wake();
    }
    [[nodiscard]] std::size_t tasks() const
    {
        const std::scoped_lock lock{mutex_};
        return tasks_.size();
    }

private:
    using Clock = std::chrono::steady_clock;
    struct Task {
        std::uint64_t cookie = 0;
        Clock::time_point due = {};
        std::chrono::nanoseconds period{0};
        int fd = -1;
        std::uint32_t events = 0;
    };
    struct Fired {
        agh_task task;
        std::uint64_t cookie;
        std::uint32_t events;
    };

    agh_status add(Task task, agh_task* made)
    {
        {
            const std::scoped_lock lock{mutex_};
            if (tasks_.size() >= bound) return AGH_E_BUSY;
            *made = ++last_;
            tasks_.emplace(last_, task);
        }
        wake();
        return AGH_OK;
    }
    void wake()
    {
        const std::uint64_t one = 1;
        (void)!::write(wake_, &one, sizeof one);
    }
    void run()
    {
        for (;;) {
            std::vector<pollfd> fds{{.fd = wake_, .events = POLLIN, .revents = 0}};
            std::vector<agh_task> ids{0};
            int wait = -1;
            {
                const std::scoped_lock lock{mutex_};
                if (stopping_) return;
                const auto now = Clock::now();
                for (const auto& [id, task] : tasks_) {
                    if (task.fd >= 0) {
                        fds.push_back(
                            {.fd = task.fd, .events = static_cast<short>(task.events), .revents = 0});
                        ids.push_back(id);
                    } else {
                        const auto ms = std::chrono::ceil<std::chrono::milliseconds>(task.due - now).count();
                        const int left = static_cast<int>(std::clamp<std::int64_t>(ms, 0, 1'000'000));
                        wait = wait < 0 ? left : std::min(wait, left);
                    }
                }
                if (!posts_.empty() || !calls_.empty()) wait = 0;
            }
            ::poll(fds.data(), fds.size(), wait);
            std::uint64_t count = 0;
            (void)!::read(wake_, &count, sizeof count);
            for (std::size_t i = 1; i < fds.size(); ++i) {
                if (fds[i].revents != 0) fire_watch(ids[i], static_cast<std::uint32_t>(fds[i].revents));
            }
            fire_timers();
            fire_posts();
        }
    }
    void fire_watch(agh_task id, std::uint32_t events)
    {
        Fired fired{};
        {
            const std::scoped_lock lock{mutex_};
            const auto found = tasks_.find(id);
            if (found == tasks_.end()) return;
            fired = {id, found->second.cookie, events};
            tasks_.erase(found);
        }
        on_task_(fired.task, fired.cookie, fired.events);
    }
    void fire_timers()
    {
        std::vector<agh_task> due;
        {
            const std::scoped_lock lock{mutex_};
            for (const auto& [id, task] : tasks_) {
                if (task.fd < 0 && task.due <= Clock::now()) due.push_back(id);
            }
        }
        for (const agh_task id : due) {
            std::uint64_t cookie = 0;
            {
                const std::scoped_lock lock{mutex_};
                const auto found = tasks_.find(id);
                if (found == tasks_.end()) continue; // cancelled by one that fired before it
                Task& task = found->second;
                cookie = task.cookie;
                if (task.period.count() == 0)
                    tasks_.erase(found);
                else
                    while (task.due <= Clock::now()) task.due += task.period;
            }
            on_task_(id, cookie, 0);
        }
    }
    void fire_posts()
    {
        std::deque<std::uint64_t> posts;
        std::vector<std::function<void()>> calls;
        {
            const std::scoped_lock lock{mutex_};
            posts.swap(posts_);
            calls.swap(calls_);
        }
        for (const std::uint64_t cookie : posts) on_task_(0, cookie, 0);
        for (const auto& fn : calls) fn();
    }

    OnTask on_task_;
    int wake_;
    mutable std::mutex mutex_;
    std::map<agh_task, Task> tasks_;
    std::deque<std::uint64_t> posts_;
    std::vector<std::function<void()>> calls_;
    agh_task last_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace agenthost::testing
