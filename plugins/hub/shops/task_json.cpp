#include "task_json.hpp"

#include "base/json_writer.hpp"
#include "plugins/hub/tasks/calls.hpp"
#include "wire/codes.hpp"
#include "wire/json/fields.hpp"
#include "wire/session/answers.hpp"

#include <algorithm>
#include <array>

namespace agenthost::hub {

namespace {

constexpr std::size_t max_meta = 16U << 10;

struct Command {
    std::string_view name, action;
};
constexpr std::array<Command, 4> commands{{{"print", shop_action::print},
                                           {"config", shop_action::config},
                                           {"ping", shop_action::ping},
                                           {"reprint", shop_action::reprint}}};

std::string named_outcome(std::string_view data)
{
    if (!wire::may_have(data, "outcome")) return {};
    std::string why;
    const auto members = wire::json::split(data, why);
    const wire::json::Member* named = members ? wire::find(*members, "outcome") : nullptr;
    return named == nullptr ? std::string{} : std::string{named->text};
}

} // namespace

std::string_view action_of(std::string_view command)
{
    for (const Command& c : commands)
        if (c.name == command && c.action != shop_action::reprint) return c.action;
    return {};
}

std::string_view command_of(const TaskRecord& task)
{
    for (const Command& c : commands)
        if (c.action == task.action) return c.name;
    return task.action;
}

bool prints(const TaskRecord& task)
{
    return task.action == shop_action::print || task.action == shop_action::reprint ||
           task.action == "printer.print";
}

std::string_view paper_outcome(const TaskRecord& task)
{
    if (!final(task.state) || !prints(task)) return {};
    if (task.state == TaskState::success) return named_outcome(task.data) == "printed" ? "printed" : "sent";
    // The hub has no answer: it gave up (a timeout, a cancellation, too many resends), the agent died during
    // the job, or the hub has already deleted the answer to save space.
    const bool no_answer =
        task.state == TaskState::failed || task.code == wire::code::interrupted || task.dropped != 0;
    if (task.sent > 0 && (no_answer || named_outcome(task.data) == "unknown")) return "unknown";
    return "failed";
}

std::string shop_task_json(const TaskRecord& t)
{
    std::string out;
    base::JsonWriter writer{out};
    writer.object()
        .member("id", t.id)
        .member("shopId", t.agent)
        .member("command", command_of(t))
        .member("status", to_string(t.state))
        .member("sent", t.sent)
        .member("created", t.created)
        .member("updated", t.updated)
        .member("expires", t.expires)
        .member("warning", t.warned != 0);
    if (t.warned != 0) writer.member("warnedAt", t.warned);
    if (t.confirmed > 0) writer.member("confirmedAt", t.confirmed);
    if (!t.origin.empty()) writer.member("copyOf", t.origin);
    if (const std::string_view outcome = paper_outcome(t); !outcome.empty())
        writer.member("outcome", outcome);
    std::string message, meta;
    if (t.state == TaskState::success && wire::cut_message(t.data, message, meta))
        writer.member("message", base::RawJson{message});
    else if (!t.message.empty())
        writer.member("message", t.message);
    else if (t.state == TaskState::success && t.action == shop_action::ping)
        writer.member("message", "pong"); // the codec omits a message that only repeats the status
    if (meta.empty() && message.empty()) meta = t.data;
    write_error(writer, t.code, t.message, t.detail);
    if (!meta.empty() && meta.size() <= max_meta) writer.member("meta", base::RawJson{meta});
    write_dropped(writer, t);
    writer.end();
    return out;
}

} // namespace agenthost::hub
