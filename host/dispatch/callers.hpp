// What dispatch keeps of each caller: by name, across reconnects, reloads and detach().
#pragma once

#include "caller.hpp"
#include "names.hpp"
#include "request.hpp"
#include "token_bucket.hpp"

#include <deque>
#include <memory>
#include <string>

namespace agenthost::host {

struct WaitingEvent {
    std::string topic, json;
    std::int64_t at = 0;
};

struct CallerRecord {
    std::unique_ptr<const std::string> name;
    std::shared_ptr<Caller> caller; // null: detached, or a plugin that calls on its own account
    Policy last_policy;             // a copy, for what still runs when the caller is gone
    std::string json;               // agh_request.caller

    TokenBucket rate;
    std::uint32_t in_flight = 0;
    std::uint64_t memory = 0;
    std::uint32_t first = Request::none; // its requests, linked through the slots
    NameMap<agh_req> journalled;         // task id -> the request that works on it

    // Outbox. `live`: everything finished so far was sent on this connection, so the next result goes out
    // directly. Otherwise pages from the journal bring all results in order until one is empty.
    bool live = false, paging = false, blocked = false;
    std::uint64_t sent_through = 0, connection = 0;

    std::deque<WaitingEvent> events; // the peer was slow or away
    std::size_t event_bytes = 0;
    bool waiting = false; // in Impl::stalled: asked again soon

    [[nodiscard]] const Policy& policy() const { return caller ? caller->policy() : last_policy; }
};

} // namespace agenthost::host
