#include "codes.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace agenthost::docker {

namespace {

constexpr std::array<CodeRow, 26> table{{
    {code::agent_offline, "the agent is not connected to the hub",
     "Check that agenthost runs on the node and reaches the hub (agenthost status).", true},
    {code::server_not_found, "this node has no server with this id",
     "Use list_servers for the ids, or create_server.", true},
    {code::container_not_found, "the server's container does not exist",
     "Use start_server: it creates the container again.", true},
    {code::insufficient_resources, "the node does not have enough memory, disk or server slots left",
     "Ask for less, delete a server, or raise the node's limit in the plugin's configuration.", true},
    {code::permission_denied, "the agent may not use the engine",
     "Add the agent's user to the group docker, or allow the endpoint in the socket proxy.", true},
    {code::docker_error, "the engine failed or does not answer",
     "Check the engine on the node (systemctl status docker); the servers' desired states are kept.", true},
    {code::config_invalid, "the server's configuration is not valid or not allowed on this node",
     "Correct the member that the message names, and send it again.", true},
    {code::port_conflict, "a host port is taken", "Choose another host port, or stop what holds it.", true},
    {code::auth_failed, "the agent's token is invalid or expired",
     "Register the agent again (agenthost register NAME).", true},
    {code::busy, "another action is running and one waits",
     "Try again when they are done, or use kill_server.", false},
    {code::cancelled, "the action was ended by another one or by its caller", "Nothing needs to be done.",
     false},
    {code::crashed, "the server ended by itself", "Read its console with get_logs.", false},
    {code::oom_killed, "the server needed more memory than its limit",
     "Raise limits.memory, or lower the game's own.", false},
    {code::server_exists, "a server with this id exists with another configuration",
     "Choose another id, or delete_server first.", false},
    {code::file_not_found, "the file does not exist", "Use list_files for the names.", false},
    {code::disk_full, "the server's disk limit or the node's disk is reached",
     "Delete files, or raise limits.disk.", false},
    {code::disk_error, "the node's disk failed, or cannot be written",
     "Check the disk and its mount on the node (dmesg).", false},
    {code::denied, "a link, a special file, a mode, or a rule of the node or the server forbids it",
     "Use another path, give the file to the server's user, or change the rule.", false},
    {code::invalid_request, "a parameter is missing or wrong, or the name is used already",
     "Correct what the message names, and send it again.", false},
    {code::too_large, "the request is beyond a limit of size, entries or depth",
     "Do it in smaller parts, or move large files by URL.", false},
    {code::timeout, "the command's deadline passed, or the server did not stop in time and was killed",
     "Send it again with more time.", false},
    {code::interrupted, "the agent stopped meanwhile", "Send it again.", false},
    {code::internal, "the agent failed in a way that has no code of its own",
     "Read the agent's log on the node.", false},
    {code::rate_limit, "the registry has refused too many pulls",
     "Wait, or give the registry's credentials to the plugin.", false},
    {code::network_error, "a transfer's other end failed or sent something else than declared",
     "Check the URL and what it serves, and that the node reaches it; then send the command again.", false},
    {code::store_damaged, "the plugin's list of servers was damaged and replaced by an empty one",
     "Stop the agent and restore the file from a backup, or send create_server for each server again.",
     false},
}};

const CodeRow* find(std::string_view code)
{
    const auto row =
        std::find_if(table.begin(), table.end(), [&](const CodeRow& each) { return each.code == code; });
    return row == table.end() ? nullptr : row;
}

} // namespace

std::span<const CodeRow> code_table() { return table; }

std::string_view remedy_of(std::string_view code)
{
    const CodeRow* row = find(code);
    return row == nullptr ? std::string_view{} : row->remedy;
}

Problem problem(const char* code, std::string what)
{
    if (const std::string_view remedy = remedy_of(code); !remedy.empty()) what.append(". ").append(remedy);
    return {code, std::move(what)};
}

} // namespace agenthost::docker
