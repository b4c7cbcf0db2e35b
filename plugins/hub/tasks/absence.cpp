#include "absence.hpp"

namespace agenthost::hub {

namespace {
constexpr std::string_view outcome_unknown = R"({"outcome":"unknown"})";
}

void Absence::began(const std::string& agent)
{
    const auto since = core_.now();
    since_[agent] = since;
    core_.timers.at(since + core_.config.agent_grace, [this, agent, since]() UNDER_LOCK {
        const auto it = since_.find(agent);
        if (it == since_.end() || it->second != since) return; // it reconnected meanwhile
        since_.erase(it);
        if (!fanout_.online(agent))
            end_bound_tasks(agent, "AGENT_OFFLINE", "The agent disconnected before it answered");
    });
}

void Absence::check(const std::function<bool(std::string_view agent)>& may_return)
{
    std::vector<std::string> gone;
    for (const auto& [agent, since] : since_) {
        if (!may_return(agent)) gone.push_back(agent);
    }
    for (const std::string& agent : gone) {
        since_.erase(agent);
        end_bound_tasks(agent, "AGENT_NOT_FOUND", "The agent has no credential any more");
    }
}

void Absence::end_bound_tasks(const std::string& agent, std::string_view code, std::string_view why)
{
    for (const std::string& id : open_.tasks().of(agent)) {
        const TaskRecord* task = open_.tasks().find(id);
        if (task == nullptr || !task->bound || task->patient) continue;
        open_.fail(id, code, why);
    }
}

void Absence::go_adrift(const std::vector<std::string>& ids)
{
    for (const std::string& id : ids) {
        open_.save(id);
        restored_adrift(id);
    }
}

void Absence::restored_adrift(const std::string& id)
{
    core_.after(core_.config.agent_grace, [this, id]() UNDER_LOCK { end_unknown(id); });
}

void Absence::end_unknown(const std::string& id)
{
    auto task = open_.tasks().fail(
        id, "INTERRUPTED",
        "The agent disconnected before it answered, and it keeps no journal: the command may "
        "or may not have run. It is not sent again",
        core_.utc());
    if (task == nullptr) return;
    task->state = TaskState::error;
    task->data = outcome_unknown;
    open_.end(*task);
}

} // namespace agenthost::hub
