// loop/1 inside the runner: which timers, watches and posts there are. The runner's main thread polls for it. Any thread may call.
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
    static constexpr std::size_t tasks_max = 1024, posts_max = 1024; // ext/loop.h
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
    // Appends what to poll; returns how long at most, nullopt: for ever.
    std::optional<Clock::duration> prepare(std::vector<pollfd>& fds);
    // What is due; `fds` as poll left them, starting where prepare() began to append. It stays counted, and may still be cancelled,
    // until begin(): so a plugin whose workers are busy has no more waiting than the bounds say.
    std::vector<Fired> collect(const pollfd* fds, std::size_t count);
    // Just before its on_task. false: it must not run, it was cancelled or the plugin is being destroyed.
    bool begin(const Fired&);
    void close(); // nothing begins any more

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
