// The plugin's one I/O thread: descriptors by epoll, timers, and work that other threads post. Everything but
// post() is for the loop's own thread (or before start() and after stop()). An exception that leaves a
// handler goes to `on_error`, and the loop continues.
//
// More than 25 members: timers, descriptors and posts share one thread and one wait.
#pragma once

#include "base/fd.hpp"
#include <agenthost/function.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace agenthost::terminal {

using Clock = std::chrono::steady_clock;

class Watcher {
public:
    virtual ~Watcher() = default;
    virtual void ready(int fd, std::uint32_t events) = 0; // EPOLLIN...
};

class Loop {
public:
    using Timer = std::uint64_t; // 0: none

    explicit Loop(std::function<void()> on_error); // called inside a catch block
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void start();
    void stop();                 // joins and drops pending posts. Not from the loop's thread
    void post(Function<void()>); // [any]

    // Level-triggered; also changes the events of a watched one.
    void watch(int fd, std::uint32_t events, Watcher&);
    void forget(int fd); // before it is closed; no ready() follows, not even in this turn
    Timer after(Clock::duration, Function<void()>);
    void cancel(Timer&);                                         // sets it to 0
    void later(Function<void()>);                                // at the end of this turn
    [[nodiscard]] Clock::time_point now() const { return now_; } // of this turn

private:
    struct Watched {
        Watcher* watcher = nullptr;
        std::uint32_t events = 0, generation = 0;
    };
    struct Due {
        Timer id;
        Function<void()> fn;
    };
    using Timers = std::multimap<Clock::time_point, Due>;

    void run();
    void turn();
    int poll_timeout() const; // ms for epoll_wait
    void fire_timers();
    void run_posted();
    template <class F> void guarded(F&&);

    std::function<void()> on_error_;
    base::Fd epoll_, wake_;
    std::vector<Watched> watched_; // by descriptor
    Timers timers_;
    std::unordered_map<Timer, Timers::iterator> by_id_;
    Timer last_timer_ = 0;
    std::vector<Function<void()>> later_;
    Clock::time_point now_ = Clock::now();

    std::mutex mutex_;
    std::vector<Function<void()>> posted_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace agenthost::terminal
