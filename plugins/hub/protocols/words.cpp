#include "words.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace agenthost::hub {

namespace {

using wire::Protocol;

struct Word {
    Protocol protocol;
    std::string_view name, word;
};

// What the documents define. Names beyond them (kill, console input, ...) are the registry's on the wire too.
constexpr std::array<Word, 23> words{{
    {Protocol::storage, "storage.upload", "upload"},
    {Protocol::storage, "storage.download", "download"},
    {Protocol::storage, "storage.delete", "delete"},
    {Protocol::storage, "storage.info", "info"},
    {Protocol::panel, "docker.create_server", "create_server"},
    {Protocol::panel, "docker.start_server", "start_server"},
    {Protocol::panel, "docker.stop_server", "stop_server"},
    {Protocol::panel, "docker.restart_server", "restart_server"},
    {Protocol::panel, "docker.get_status", "get_status"},
    {Protocol::panel, "docker.list_files", "list_files"},
    {Protocol::panel, "docker.get_file", "get_file"},
    {Protocol::print, "printer.print", "task_print"},
    {Protocol::print, "printer.config", "task_config"},
    {Protocol::print, "host.ping", "task_ping"},
    {Protocol::dashboard, "terminal.run", "command:request"},
    {Protocol::dashboard, "terminal.interrupt", "command:interrupt"},
    {Protocol::dashboard, "terminal.input", "terminal:input"},
    {Protocol::dashboard, "terminal.resize", "terminal:resize"},
    {Protocol::signed_, "host.ping", "ping"},
    {Protocol::signed_, "telemetry.health_check", "run_health_check"},
    {Protocol::signed_, "telemetry.version", "get_version"},
    {Protocol::signed_, "telemetry.machine_id", "get_machine_id"},
    {Protocol::signed_, "telemetry.status", "get_status"},
}};

constexpr std::array<std::string_view, 2> storage_frames{"auth", "response"};
constexpr std::array<std::string_view, 5> print_frames{"register", "heartbeat", "task_result", "log_event",
                                                       "ack"};
constexpr std::array<std::string_view, 10> dashboard_frames{
    "agent:connect", "connection:ack", "command:status", "command:queue", "terminal:output",
    "token:refresh", "heartbeat",      "response",       "event",         "error"};

bool among(std::span<const std::string_view> list, std::string_view word)
{
    return std::find(list.begin(), list.end(), word) != list.end();
}

} // namespace

std::string_view wire_word(Protocol protocol, std::string_view action)
{
    const auto* found = std::find_if(words.begin(), words.end(), [&](const Word& w) {
        return w.protocol == protocol && w.name == action;
    });
    return found == words.end() ? action : found->word;
}

bool is_run(std::string_view action)
{
    return action == run_action || action == wire_word(Protocol::dashboard, run_action);
}

bool reserved_word(Protocol protocol, std::string_view action)
{
    switch (protocol) {
    case Protocol::storage: return among(storage_frames, action);
    case Protocol::print: return among(print_frames, action);
    case Protocol::dashboard: return among(dashboard_frames, action);
    case Protocol::panel:
    case Protocol::signed_: return false; // the action has a place of its own beside the frame's type
    }
    return false;
}

bool reserved_parameter(Protocol protocol, std::string_view key)
{
    return protocol == Protocol::storage && (key == "action" || key == "request_id");
}

bool always_correlates(Protocol protocol) { return protocol != Protocol::signed_; }

} // namespace agenthost::hub
