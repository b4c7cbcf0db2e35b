// agenthost.loop/1 for one plugin instance: timers, watched descriptors, posts (ext/loop.h), on the main
// executor's epoll; events are delivered on the plugin's [run].
//
// Thread-safe, except close() and Asio's handlers (main thread). Bounds: 1,024 timers and watches together,
// 1,024 posts.
#pragma once

#include "main_thread.hpp"

#include <agenthost/abi.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace agenthost::host {

class Loop {
public:
    using Fire = std::function<void(agh_task, std::uint64_t cookie, std::uint32_t poll_events)>; // on [run]
    using Deliver = std::function<void(std::function<void()>)>; // [any]: moves to [run]

    Loop(std::shared_ptr<MainThread>, Deliver, Fire);
    ~Loop();

    agh_status timer(std::uint64_t delay_ns, std::uint64_t period_ns, std::uint64_t cookie, agh_task&);
    agh_status watch(int fd, std::uint32_t poll_events, std::uint64_t cookie, agh_task&);
    agh_status post(std::uint64_t cookie);
    agh_status cancel(agh_task);
    void close(); // main thread: nothing fires after

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace agenthost::host
