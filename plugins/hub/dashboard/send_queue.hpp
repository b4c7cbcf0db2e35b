// The send queue of one dashboard, which may be slower than the output it watches. Frames that do not fit
// into the daemon's send queue wait here: at most `max_output` of output, then the oldest output is dropped
// and the next frame of that run has the number of dropped bytes; at most `max_other` of other frames, then
// the dashboard is closed. Events that a dashboard subscribed to wait in a queue of their own, fair between agents
// (event_queue.hpp). A slow dashboard never delays others.
//
// Called only from the hub's outbox: one call at a time, without the hub's lock, so that frames keep their
// order.
#pragma once

#include "event_queue.hpp"
#include "plugins/hub/core/core.hpp"

#include "wire/dashboard/client.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace agenthost::hub {

using Text = std::shared_ptr<const std::string>; // encoded once for all recipients

class ClientSendQueue {
public:
    static constexpr std::size_t max_output = 100U << 10, max_other = 2U << 20;

    ClientSendQueue(Host& host, Conn conn) : host_{host}, conn_{conn} {}

    void send(Text frame);      // a whole frame
    void send_list(Text frame); // a frame that supersedes an earlier one: replaces one that still waits
    // A frame of a run: output of `bytes`, with `dropped` bytes lost before it, or (`output` is false) a
    // status.
    struct OfRun {
        Text frame, run;
        std::uint64_t bytes = 0, dropped = 0;
        bool output = true, list = false;
    };
    void send(OfRun);
    // An event of an agent.
    struct OfAgent {
        Text frame;
        std::string agent;
        std::int64_t at = 0; // UTC ms
    };
    void send(const OfAgent&);
    // These events of the agent were left out, and no other event follows soon.
    void left_out(std::string_view agent, std::uint64_t events, std::int64_t at);
    void writable(); // the daemon has space again
    void close(int code, std::string reason);

    [[nodiscard]] std::size_t waiting() const { return output_ + other_ + events_.bytes(); } // bytes
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; } // of output, in all

private:
    void push(OfRun);
    bool pass(const OfRun&);
    void drop_oldest();
    void send_events();
    bool post(const std::string& frame); // false: no room now, or closed

    Host& host_;
    const Conn conn_;
    std::deque<OfRun> waiting_;                              // without `run`: a whole frame
    std::map<std::string, std::uint64_t, std::less<>> lost_; // by run, until it is reported
    std::size_t output_ = 0, other_ = 0;
    std::uint64_t dropped_ = 0;
    EventQueue events_;
    std::int64_t last_event_ = 0; // its time, for notices
    bool blocked_ = false, closed_ = false;
};

} // namespace agenthost::hub
