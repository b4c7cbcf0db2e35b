#include "actions.hpp"

#include "base/json_writer.hpp"
#include "wire/json/fields.hpp"
#include "wire/json/json.hpp"

namespace agenthost::hub {

namespace json = wire::json;

std::string_view server_verb(std::string_view action)
{
    constexpr std::string_view plugin = "docker.";
    if (action.starts_with(plugin)) action.remove_prefix(plugin.size());
    return action;
}

void name_server(TaskRecord& task, std::string_view server, std::string_view protocol)
{
    const bool has_target = protocol != "storage" && protocol != "print";
    if (has_target && task.action != server_action::create) {
        task.target = server;
        return;
    }
    std::string why, params;
    const auto members = json::split(task.params, why);
    base::JsonWriter writer{params};
    writer.object().member("serverId", server);
    if (members) {
        for (const json::Member& m : *members)
            if (m.key != "serverId") wire::write_member(writer, m);
    }
    writer.end();
    task.params = std::move(params);
}

std::string named_server(const TaskRecord& task)
{
    if (!task.target.empty()) return task.target;
    std::string why;
    const auto members = json::split(task.params, why);
    if (!members) return {};
    const json::Member* id = wire::find(*members, "serverId");
    return id == nullptr ? std::string{} : std::string{id->text};
}

bool starts_at_once(const TaskRecord& task)
{
    std::string why;
    const auto members = json::split(task.params, why);
    const json::Member* start = members ? wire::find(*members, "start") : nullptr;
    return start != nullptr && start->raw == "true";
}

} // namespace agenthost::hub
