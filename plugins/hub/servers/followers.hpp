// Follows the consoles of servers for callers of hub.server_follow: the last lines, then each new one,
// without gaps or repeats where the agent numbers its lines.
//
// An agent's events are a hint: a line that follows directly on the last one is passed on; otherwise the
// lines from the last position on are requested (docker.get_logs), also after the agent was away. Agents that
// number nothing are followed by their events alone. Nothing is buffered for a slow caller beyond
// `max_unsent`: its lines stay with the agent; those that the agent no longer has are reported as lost.
//
// The caller is told {"next":N} when it has everything before this position, so that it can tell silence from
// slowness.
//
// Under the hub's lock, except pump(): the daemon's stream() may return BUSY, and nothing outside is called
// under the lock.
#pragma once

#include "plugins/hub/core/core.hpp"
#include "plugins/hub/core/reply.hpp"
#include "plugins/hub/tasks/requests.hpp"
#include "watch.hpp"

#include "wire/message.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class ServerFollowers {
public:
    static constexpr std::size_t max_followers = 256;
    static constexpr std::size_t max_unsent = 256U << 10;
    static constexpr std::uint32_t page = 500;

    ServerFollowers(Core& core, Fanout& fanout, Requests& requests)
        : core_{core}, fanout_{fanout}, requests_{requests}
    {}

    struct Wish {
        std::string agent, server;
        std::uint32_t tail = 100;
        bool follow = true; // false: ends after the existing lines
    };
    void add(const ReplyPtr&, Wish) UNDER_LOCK;
    void left(const Reply*) UNDER_LOCK;     // the caller is gone
    void writable(const Reply*) UNDER_LOCK; // the daemon's queue has space again
    void event(std::string_view agent, const wire::Event&) UNDER_LOCK;
    void ready(std::string_view agent) UNDER_LOCK;
    void gone(std::string_view agent) UNDER_LOCK;                     // nothing admits it any more
    [[nodiscard]] std::vector<std::string> absent() const UNDER_LOCK; // agents of followers without a session
    void drain() UNDER_LOCK;                                          // the hub shuts down
    [[nodiscard]] std::size_t size() const UNDER_LOCK { return followers_.size(); }

private:
    struct Follower {
        ReplyPtr reply;
        Wish wish;
        std::optional<std::uint64_t> next; // position of the next line; nullopt: the agent numbers nothing
        std::optional<std::uint64_t> told; // the last one that the caller was told
        bool begun = false;                // the first lines have arrived
        bool asking = false, again = false;
        bool pumping = false, woken = false, over = false;
        std::string unsent;     // lines for the caller
        std::uint64_t sent = 0; // bytes of the stream
        std::string piece;      // used by pump() only
    };
    using FollowerPtr = std::shared_ptr<Follower>;
    void ask(const FollowerPtr&) UNDER_LOCK;
    void answered(const FollowerPtr&, const Requests::Answer&) UNDER_LOCK;
    // false: it is not a page of lines.
    bool take_page(Follower&, std::string_view data, bool& more) UNDER_LOCK;
    void take_event(const FollowerPtr&, const wire::Event&) UNDER_LOCK;
    void lost(const Follower&, std::uint64_t lines) UNDER_LOCK;
    void say(const Follower&, std::string json) UNDER_LOCK;
    void fail(const FollowerPtr&, const std::string& code, const std::string& message) UNDER_LOCK;
    void wake(const FollowerPtr&) UNDER_LOCK;
    bool fetch(const FollowerPtr&) UNDER_LOCK; // false: nothing to send now
    void pump(const FollowerPtr&);             // [outside the lock]

    Core& core_;
    Fanout& fanout_;
    Requests& requests_;
    std::unordered_map<const Reply*, FollowerPtr> followers_ GUARDED;
};

} // namespace agenthost::hub
