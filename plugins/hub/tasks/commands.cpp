#include "commands.hpp"

#include "command_check.hpp"

#include "base/hash.hpp"

#include <utility>

namespace agenthost::hub {

Commands::Commands(Core& core, TaskTable& table, Fanout& fanout)
    : core_{core}, fanout_{fanout}, open_{core, table}, absence_{core, fanout, open_},
      sender_{core, table, fanout, open_, absence_}, events_{core, open_, absence_, sender_}
{
    open_.on_expiry([this](const std::string& id) UNDER_LOCK { events_.expired(id); });
}

std::string Commands::new_id() { return "req_" + base::random_token(16); }

std::string Commands::check(TaskRecord& task) const
{
    const AgentRecord* live = fanout_.find(task.agent);
    return check_command(task, live == nullptr ? std::nullopt : wire::protocol(live->protocol),
                         core_.config.action_words);
}

bool Commands::start(TaskRecord task, Final on_final, std::string* why)
{
    if (std::string wrong = check(task); !wrong.empty()) {
        if (why != nullptr) *why = std::move(wrong);
        return false;
    }
    const std::string agent = task.agent;
    task.created = task.updated = core_.utc();
    if (!open_.add(std::move(task), std::move(on_final), why)) return false;
    if (fanout_.online(agent))
        sender_.pump(agent);
    else
        absence_.began(agent); // it disconnected while a caller's body was arriving
    return true;
}

bool Commands::cancel(std::string_view id)
{
    const TaskRecord* task = find(id);
    if (task == nullptr || task->sent > 0) return false;
    open_.fail(id, "CANCELLED", "Interrupted before it was sent");
    return true;
}

std::optional<TaskRecord> Commands::abandon(std::string_view id, std::string_view why)
{
    auto task = open_.fail(id, "CANCELLED", why);
    if (task) sender_.pump(task->agent); // its place is free
    return task;
}

void Commands::outlive(std::string_view id)
{
    if (TaskRecord* task = open_.tasks().edit(id)) task->patient = true;
}

void Commands::restore(std::vector<TaskRecord> open)
{
    for (TaskRecord& task : open) {
        const std::string id = task.id;
        open_.restore(std::move(task));
        if (const TaskRecord* restored = find(id); restored != nullptr && restored->adrift)
            absence_.restored_adrift(id);
    }
}

} // namespace agenthost::hub
