// Waits for what an action on a server leads to. Its answer only says that it has begun: that the server runs,
// rests or failed arrives later, as events and in lists (watch.hpp). Under the hub's lock.
//
// A report counts for an action from the moment its command was created: events may overtake the answer. The
// states of the answer and of the reports are the agent's; nothing is sent to it. Where the agent numbers its
// actions, a report that names an earlier action than the one that is waited for does not count, whenever it
// arrives: it was sent before, or is about the action that is carried out first.
//
// A wait survives a reconnection of its agent. If the agent is away for plugins.hub.config.agent_grace, the
// wait ends with AGENT_OFFLINE; if nothing admits it any more (revoked, no longer listed), at once with
// AGENT_NOT_FOUND.
//
// A caller reserves its wait before its action is sent, so that one that is refused has changed nothing.
#pragma once

#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/by_id.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/core/shares.hpp"
#include "plugins/hub/store/model.hpp"
#include "watch.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

// What an action on a server is to lead to.
enum class ServerAim { none, running, ended, installed, installed_and_running };
ServerAim aim_of(const TaskRecord&);

enum class OutcomeKind {
    pending, // the time was over, or nobody can wait
    reached, // with `fault`: in another way than asked, for example a stop that needed SIGKILL
    failed,
};
struct ServerOutcome {
    OutcomeKind kind = OutcomeKind::pending;
    std::string status; // as last reported
    ServerFault fault = {};
};
// What a server's state means for the aim. `began`: the stop was seen to begin. `replaced`: another action has
// begun since.
ServerOutcome judge(ServerAim, std::string_view status, const ServerFault&, bool began,
                    bool replaced = false);

class ServerOutcomes {
public:
    static constexpr std::size_t max_waits = 1024; // shared among callers (core/shares.hpp)
    using Then = std::function<void(const ServerOutcome&)>;

    // The right to one wait; given back by its destructor, on any thread.
    using Place = std::shared_ptr<const void>;

    ServerOutcomes(Core&, Fanout&, ServerWatch&);
    ServerOutcomes(const ServerOutcomes&) = delete;
    ServerOutcomes& operator=(const ServerOutcomes&) = delete;

    // nullptr: the caller has its share of the waits; `why` says so and what to do, for people.
    Place reserve(std::string caller, std::string& why);
    // `task` has succeeded. Calls `then` once, perhaps at once, unless drop(owner) is called before.
    void await(const TaskRecord& task, Place, std::chrono::duration<double> time, const void* owner,
               Then then) UNDER_LOCK;
    void drop(const void* owner) UNDER_LOCK;
    void lost(std::string_view agent) UNDER_LOCK;                     // its session has ended
    void ready(std::string_view agent) UNDER_LOCK;                    // it has a session
    void gone(std::string_view agent) UNDER_LOCK;                     // nothing admits it any more
    [[nodiscard]] std::vector<std::string> absent() const UNDER_LOCK; // agents of waits that have no session
    void drain() UNDER_LOCK; // the hub shuts down: each gets what is known
    [[nodiscard]] std::size_t waits() const UNDER_LOCK { return waits_.size(); }

private:
    struct Wait {
        std::string agent, server;
        ServerAim aim;
        const void* owner;
        Then then;
        std::int64_t since; // when its command was created, UTC ms
        Place place;
        std::uint64_t action = 0;                  // the agent's number of it; 0: none
        DesiredState desired = DesiredState::none; // when the wait began
        Timers::Id timer{};
        std::string status; // last known
        bool began = false, replaced = false;
    };
    struct Book { // of reserved waits
        std::mutex mutex;
        Shares callers{max_waits};
    };
    using Waits = std::list<Wait>;

    void changed(std::string_view agent, std::string_view server) UNDER_LOCK;
    // What is known of its server has changed.
    void look(Wait&, const ServerRecord&) const UNDER_LOCK;
    void watch_absence(const std::string& agent) UNDER_LOCK;
    void end_waits_of(std::string_view agent, const ServerFault&) UNDER_LOCK;
    // Ends it if its outcome is known.
    bool end(Waits::iterator, const ServerFault&) UNDER_LOCK;
    void finish(Waits::iterator, const ServerOutcome&) UNDER_LOCK;

    Core& core_;
    Fanout& fanout_;
    ServerWatch& watch_;
    const std::shared_ptr<Book> book_ = std::make_shared<Book>();
    Waits waits_ GUARDED;
    ById<Timers::Id> absent_ GUARDED; // agents of waits that are not connected; when their waits end
};

// {"agent","serverId","status","reached","error"?}, the answer to a caller who has waited; `first` are members
// before these, without braces.
std::string outcome_json(const TaskRecord&, const ServerOutcome&, std::string_view first = {});

} // namespace agenthost::hub
