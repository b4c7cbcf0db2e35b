// loop/1 inside the runner: its timers, watches and posts. The runner's main thread polls for them.
// Thread-safe.
#pragma once

#include "base/fd.hpp"

#include <agenthost/abi.h>

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace agenthost::host::runner {

class Loop {
public:
    static constexpr std::size_t max_tasks = 1024, max_posts = 1024; // ext/loop.h
    using Clock = std::chrono::steady_clock;

    explicit Loop(std::function<void()> wake) : wake_{std::move(wake)} {}

    agh_status timer(std::uint64_t delay_ns, std::uint64_t period_ns, std::uint64_t cookie, agh_task*);
    agh_status watch(int fd, std::uint32_t events, std::uint64_t cookie, agh_task*);
    agh_status post(std::uint64_t cookie);
    agh_status cancel(agh_task);

    struct Fired {
        agh_task task;
        std::uint64_t cookie;
        std::uint32_t events;
    };
    // Appends the descriptors to poll; returns the timeout, nullopt: none.
    std::optional<Clock::duration> prepare(std::vector<pollfd>& fds);
    // Returns the due tasks; `fds` as poll left them, starting where prepare() began to append. A task stays
    // counted, and may be cancelled, until begin(), so that the bounds hold even while a plugin's workers are
    // busy.
    std::vector<Fired> collect(const pollfd* fds, std::size_t count);
    // Call just before its on_task. false: it must not run, because it was cancelled or the plugin is being
    // destroyed.
    bool begin(const Fired&);
    void close(); // from now on begin() returns false

private:
    struct Task {
        std::uint64_t cookie = 0;
        int fd = -1;
        std::uint32_t events = 0;
        Clock::time_point due{};
        std::chrono::nanoseconds period{0};
        bool fired = false; // collected, and not begun yet
    };
    agh_status add(const Task&, agh_task*);

    std::function<void()> wake_;
    std::mutex mutex_;
    std::map<agh_task, Task> tasks_;
    std::vector<std::uint64_t> posts_;
    std::size_t posts_waiting_ = 0; // those and the collected ones
    bool closed_ = false;
    std::vector<agh_task> polled_; // in the order prepare() appended
    agh_task last_ = 0;
};

} // namespace agenthost::host::runner
