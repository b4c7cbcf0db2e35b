// Waits for what an action on a server leads to. Its answer only says that it has begun: that the server runs,
// rests or failed arrives later, as events and in lists (watch.hpp). Under the hub's lock.
//
// A report counts for an action from the moment its command was created: events may overtake the answer. The
// states of the answer and of the reports are the agent's; nothing is sent to it.
#pragma once

#include "plugins/hub/core/core.hpp"
#include "plugins/hub/store/model.hpp"
#include "watch.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>

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
// What a server's state means for the aim. `began`: the stop was seen to begin.
ServerOutcome judge(ServerAim, std::string_view status, const ServerFault&, bool began);

class ServerOutcomes {
public:
    static constexpr std::size_t max_waits = 1024; // beyond, callers get the answer alone
    using Then = std::function<void(const ServerOutcome&)>;

    ServerOutcomes(Core&, ServerWatch&);
    ServerOutcomes(const ServerOutcomes&) = delete;
    ServerOutcomes& operator=(const ServerOutcomes&) = delete;

    // `task` has succeeded. Calls `then` once, perhaps at once, unless drop(owner) is called before.
    void await(const TaskRecord& task, std::chrono::duration<double> time, const void* owner, Then then)
        UNDER_LOCK;
    void drop(const void* owner) UNDER_LOCK;
    void drain() UNDER_LOCK; // the hub shuts down: each gets what is known
    [[nodiscard]] std::size_t waits() const UNDER_LOCK { return waits_.size(); }

private:
    struct Wait {
        std::string agent, server;
        ServerAim aim;
        const void* owner;
        Then then;
        std::int64_t since; // when its command was created, UTC ms
        Timers::Id timer{};
        std::string status; // last known
        bool began = false;
    };
    using Waits = std::list<Wait>;

    void changed(std::string_view agent, std::string_view server) UNDER_LOCK;
    // Ends it if its outcome is known.
    bool end(Waits::iterator, const ServerFault&) UNDER_LOCK;
    void finish(Waits::iterator, const ServerOutcome&) UNDER_LOCK;

    Core& core_;
    ServerWatch& watch_;
    Waits waits_ GUARDED;
};

// {"agent","serverId","status","reached","error"?}, the answer to a caller who has waited; `first` are members
// before these, without braces.
std::string outcome_json(const TaskRecord&, const ServerOutcome&, std::string_view first = {});

} // namespace agenthost::hub
