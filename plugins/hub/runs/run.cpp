#include "run.hpp"

#include "base/json_depth.hpp"

#include "wire/codes.hpp"
#include "wire/dashboard/result.hpp"
#include "wire/json/fields.hpp"
#include "wire/json/json.hpp"
#include "wire/json/numbers.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace agenthost::hub {

namespace {

namespace json = wire::json;

constexpr std::size_t max_shown = 200; // bytes of a command line that are kept, for lists
constexpr std::array<std::string_view, 4> words{"queued", "running", "completed", "failed"};

std::string_view text_of(std::span<const json::Member> members, std::string_view key)
{
    const json::Member* member = wire::find(members, key);
    return member != nullptr ? member->text : std::string_view{};
}

// The hub gave up, or the process that ran the command is gone: no one decided to end the command.
bool lost(const TaskRecord& task)
{
    return task.code == wire::code::interrupted || task.code == wire::code::agent_offline ||
           task.code == wire::code::agent_not_found ||
           (task.state == TaskState::failed && task.code == wire::code::timeout);
}

// "ls -l /srv" from argv or command, shortened between characters.
std::string shown_command(std::span<const json::Member> members)
{
    std::string shown{text_of(members, "command")};
    const json::Member* argv = wire::find(members, "argv");
    if (shown.empty() && argv != nullptr && argv->kind == json::Kind::array) {
        const auto words = base::parse_json<nlohmann::json>(argv->raw);
        for (const auto& word : words) {
            if (!word.is_string() || shown.size() > max_shown) break;
            shown += (shown.empty() ? "" : " ") + word.get<std::string>();
        }
    }
    std::size_t end = std::min(shown.size(), max_shown);
    while (end < shown.size() && end > 0 && (static_cast<unsigned char>(shown[end]) & 0xc0) == 0x80) --end;
    return shown.substr(0, end);
}

} // namespace

std::string_view to_string(RunState state) { return words.at(static_cast<std::size_t>(state)); }

Run begin_run(const TaskRecord& task)
{
    Run run{.id = task.id, .agent = task.agent, .priority = "normal", .created = task.created};
    std::string why;
    const auto members = json::split(task.params, why);
    if (!members) return run;
    if (const std::string_view priority = text_of(*members, "priority"); !priority.empty())
        run.priority = priority;
    run.command = shown_command(*members);
    const json::Member* pty = wire::find(*members, "pty");
    run.pty = pty != nullptr && pty->kind != json::Kind::null && pty->raw != "false";
    return run;
}

RunEnd end_run(Run& run, const TaskRecord& task)
{
    const bool success = task.state == TaskState::success;
    wire::Result result;
    if (success)
        result.data = task.data;
    else
        result = {
            .outcome = wire::Outcome::error,
            .error = {.code = task.code, .message = task.message, .detail = task.detail, .data = task.data}};
    const wire::dashboard::RunEnd end = wire::dashboard::run_end(result);
    int code = 0;
    const auto [rest, bad] =
        std::from_chars(end.exit_code.data(), end.exit_code.data() + end.exit_code.size(), code);
    if (bad == std::errc{} && !end.exit_code.empty()) run.exit_code = code;
    run.reason = lost(task) ? "agent_lost" : end.completed ? "exit" : end.reason;
    run.code = end.code;
    run.message = !end.code.empty() && success ? "The command did not end in time" : task.message;
    run.detail = task.detail;
    std::string why;
    RunEnd told{.state = end.completed ? RunState::completed : RunState::failed};
    if (const auto members = task.data.empty() ? std::nullopt : json::split(task.data, why)) {
        run.signal = text_of(*members, "signal").substr(0, 32);
        if (const json::Member* m = wire::find(*members, "bytes")) wire::read_whole(*m, told.printed);
    }
    return told;
}

} // namespace agenthost::hub
