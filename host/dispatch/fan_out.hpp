// Sends plugins' events (agenthost.events/1) to the callers of their audience. A caller that is slow or away
// has a bounded queue; when it is full, the oldest event is dropped and counted. So are events that plugins
// emit while the daemon starts, before any server is attached.
//
// emit(): any thread. Everything else: main thread. Owned by Dispatcher::Impl.
#pragma once

#include "core.hpp"

#include <deque>

namespace agenthost::host {

class FanOut {
public:
    static constexpr std::size_t max_name_bytes = 256;
    // Waiting for one caller.
    static constexpr std::size_t max_events = 256, max_event_bytes = 1 << 20;

    explicit FanOut(Core& core) : core_{core} {}

    agh_status emit(std::string_view plugin, std::string_view topic, std::string_view audience,
                    agh_req origin, std::string_view json);
    // Keeps events for servers that are not attached yet, until release().
    void hold() { holding_ = true; }
    void release();
    // An event that the inbox brought.
    void send(const EmittedEvent&);
    // Sends what is waiting for the caller. False: some still is.
    bool flush(CallerRecord&);
    void forget(CallerRecord&);

private:
    [[nodiscard]] bool is_early(const EmittedEvent&);
    void keep(const EmittedEvent&);
    void send_to(CallerRecord&, const EmittedEvent&);

    Core& core_;
    bool holding_ = false;
    std::deque<EmittedEvent> held_; // within the bounds of one caller's queue
    std::size_t held_bytes_ = 0;
};

} // namespace agenthost::host
