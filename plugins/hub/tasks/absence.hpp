// Ends the tasks of agents that do not return, after the grace period (plugins.hub.config.agent_grace).
//
// A task that a connected caller waits for fails; one that was answered 202 keeps waiting for its agent. A
// task that is adrift (tasks.hpp) ends with an unknown outcome. Under the hub's lock.
#pragma once

#include "open_tasks.hpp"
#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/core.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class Absence {
public:
    Absence(Core& core, Fanout& fanout, OpenTasks& open) : core_{core}, fanout_{fanout}, open_{open} {}

    // The agent has open tasks and is not connected.
    void began(const std::string& agent) UNDER_LOCK;
    void ended(const std::string& agent) UNDER_LOCK { since_.erase(agent); }
    // Credentials have changed: agents that cannot return are not waited for.
    void check(const std::function<bool(std::string_view agent)>& may_return) UNDER_LOCK;
    // These are not sent again. An answer may still arrive, even in the agent's next session; otherwise their
    // outcome is unknown.
    void go_adrift(const std::vector<std::string>& ids) UNDER_LOCK;
    // The same for a task that an earlier process of the hub has sent.
    void restored_adrift(const std::string& id) UNDER_LOCK;

private:
    void end_bound_tasks(const std::string& agent, std::string_view code, std::string_view why) UNDER_LOCK;
    void end_unknown(const std::string& id) UNDER_LOCK;

    Core& core_;
    Fanout& fanout_;
    OpenTasks& open_;
    std::unordered_map<std::string, Timers::Time> since_ GUARDED; // of agents with an open task
};

} // namespace agenthost::hub
