#include "command_check.hpp"

#include "base/json_writer.hpp"
#include "wire/json/fields.hpp"
#include "wire/json/json.hpp"

#include <algorithm>
#include <span>

namespace agenthost::hub {

namespace {

namespace json = wire::json;
using Members = std::span<const json::Member>;

constexpr std::size_t max_action = 128, max_target = 256;

bool plain(std::string_view text)
{
    return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// Prepares a run: sets the registry's name, whichever name the caller used, and the task's id as commandId.
std::string prepare_run(TaskRecord& task, Members members)
{
    task.action = run_action;
    if (const json::Member* given = wire::find(members, "commandId"); given != nullptr) {
        if (given->text == task.id) return {}; // prepared before
        return "\"params\" must not contain \"commandId\": the hub assigns it, and the answer's \"id\" is it";
    }
    std::string params;
    base::JsonWriter writer{params};
    writer.object().member("commandId", task.id);
    for (const json::Member& m : members) writer.member(m.key, base::RawJson{m.raw});
    writer.end();
    task.params = std::move(params);
    return {};
}

} // namespace

std::string check_command(TaskRecord& task, std::optional<wire::Protocol> protocol, const ActionWords& words)
{
    if (task.action.empty() || task.action.size() > max_action || !plain(task.action))
        return "the action is not a name of 1 to 128 characters";
    if (!task.target.empty() && !valid_id(task.target, max_target)) return "the target is not a server's id";
    if (task.params.empty()) task.params = "{}";
    if (task.params.size() > max_params) return "\"params\" do not fit into a frame of 1 MiB";
    std::string why;
    const auto members = json::split(task.params, why);
    if (!members) return "\"params\": " + why;
    const wire::ProtocolTraits* row = protocol ? &wire::traits(*protocol) : nullptr;
    if (row != nullptr && row->reserves_word(words.word(row->name, task.action)))
        return "\"" + task.action + "\" is reserved by the protocol and not an action";
    for (const json::Member& m : *members) {
        if (row != nullptr && row->reserves_param(m.key))
            return "\"params\" must not contain \"" + std::string{m.key} +
                   "\", which the protocol itself uses";
    }
    return words.is_run(task.action) ? prepare_run(task, *members) : std::string{};
}

} // namespace agenthost::hub
