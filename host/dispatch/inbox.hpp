// What other threads hand to the main one. A burst costs one wake-up: only who finds the inbox empty posts.
#pragma once

#include "owned_reply.hpp"
#include "request.hpp"

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace agenthost::host {

struct Completion {
    agh_req id;
    OwnedReply reply;
};

struct EmittedEvent {
    std::string plugin, topic, audience; // a server's name, "*"; "" when the origin was stale
    std::string json;
    std::int64_t at;
};

struct NestedCall {
    std::string plugin;
    std::vector<std::string> may_call;
    agh_req parent;
    std::string action, params;
    std::uint64_t timeout_ns;
    CallDone done;
    std::uint8_t depth;
};

struct Inbox {
    static constexpr std::size_t most_calls = 1024;          // waiting for the main thread; beyond: BUSY
    static constexpr std::size_t most_events = 256;          // of one plugin
    static constexpr std::size_t most_event_bytes = 4 << 20; // of all

    struct Content {
        std::vector<Completion> completions; // at most one a slot
        std::vector<agh_req> flows;          // at most one a slot
        std::vector<EmittedEvent> events;
        std::vector<NestedCall> calls;
        std::size_t event_bytes = 0;
        [[nodiscard]] bool empty() const
        {
            return completions.empty() && flows.empty() && events.empty() && calls.empty();
        }
    };
    std::mutex mutex;
    Content content;
    std::map<std::string, std::size_t, std::less<>> events_of; // in `content`
    bool posted = false;
};

} // namespace agenthost::host
