// Sends requests that would be useless later: typed input, a terminal's new size, an interrupt, missed
// output. Not on disk, sent once, answered once; use Commands (commands.hpp) for anything that must not be
// lost.
//
// Bounds: `max_open` in total, `max_of_agent` per agent, `max_wait` each. Under the hub's lock.
#pragma once

#include "plugins/hub/core/by_id.hpp"

#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/core.hpp"

#include "wire/message.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

class Requests {
public:
    static constexpr std::size_t max_open = 4096, max_of_agent = 256;
    static constexpr auto max_wait = std::chrono::seconds{30};

    struct Answer {
        bool ok = false;
        std::string code, message; // when it is not
        std::string data;          // JSON or empty
    };
    using Then = std::function<void(const Answer&)>; // under the lock, perhaps before ask() returns

    Requests(Core& core, Fanout& fanout) : core_{core}, fanout_{fanout} {}

    // Returns the request's id. `then` is called exactly once: the agent's answer, or AGENT_OFFLINE, BUSY,
    // TIMEOUT, INVALID_REQUEST.
    // `target`: a game server, for example; empty: the agent itself.
    std::string ask(const std::string& agent, std::string_view action, std::string_view params, Then then,
                    std::string_view target = {}) UNDER_LOCK;

    bool result(std::string_view agent, const wire::Result&)
        UNDER_LOCK; // false: it does not belong to a request
    void agent_lost(std::string_view agent) UNDER_LOCK;
    void not_taken(std::string_view id) UNDER_LOCK;
    [[nodiscard]] std::size_t open() const UNDER_LOCK { return open_.size(); }

private:
    struct Open {
        std::string agent;
        Then then;
        Timers::Id timer;
    };
    void fail(const std::string& id, std::string_view code, std::string_view message) UNDER_LOCK;
    void end(const std::string& id, const Answer&) UNDER_LOCK;

    Core& core_;
    Fanout& fanout_;
    ById<Open> open_ GUARDED;
    ById<std::size_t> of_agent_ GUARDED;
    std::uint64_t last_ GUARDED = 0;
};

} // namespace agenthost::hub
