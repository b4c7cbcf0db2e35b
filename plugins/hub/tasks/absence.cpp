#include "absence.hpp"

#include <string_view>

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
        if (!fanout_.online(agent)) end_bound_tasks(agent);
    });
}

void Absence::end_bound_tasks(const std::string& agent)
{
    for (const std::string& id : open_.tasks().of(agent)) {
        const TaskRecord* task = open_.tasks().find(id);
        if (task == nullptr || !task->bound || task->patient) continue;
        open_.fail(id, "AGENT_OFFLINE", "The agent disconnected before it answered");
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
