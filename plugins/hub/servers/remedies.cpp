#include "remedies.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace agenthost::hub {

namespace {

using Row = std::pair<std::string_view, std::string_view>;

constexpr std::array rows{
    Row{"AGENT_OFFLINE",
        "Start agenthost on that machine, or check its connection: GET /api/agents/ID/health. "
        "Servers keep running without the hub."},
    Row{"AGENT_NOT_FOUND", "GET /api/agents lists the agents."},
    Row{"SERVER_NOT_FOUND", "GET /api/servers lists the servers of all agents."},
    Row{"CONTAINER_NOT_FOUND", "Start the server: its container is created again. Its files are kept."},
    Row{"INSUFFICIENT_RESOURCES",
        "Lower the server's limits, delete or stop another server, or let the hub choose "
        "an agent: POST /api/servers."},
    Row{"PERMISSION_DENIED",
        "Let the agent's user use the container engine: add it to the group of the engine's "
        "socket (usually docker) and restart agenthost there."},
    Row{"DOCKER_ERROR", "Check the container engine on the agent's machine; its log has the details."},
    Row{"CONFIG_INVALID", "Correct the member that the message names, and send the request again."},
    Row{"PORT_CONFLICT", "Choose another host port, or stop what the message names."},
    Row{"AUTH_FAILED", "Use a valid token: agenthost hub token new."},
    Row{"UNKNOWN_ACTION", "Enable the plugin docker on the agent: plugins.docker.enabled: true."},
    Row{"UNSUPPORTED", "Enable the plugin docker on an agent: plugins.docker.enabled: true."},
    Row{"FILE_NOT_FOUND", "List the folder to see what is there."},
    Row{"DISK_FULL", "Delete files of the server, or raise its limit of disk."},
    Row{"BUSY", "Try again later."},
    Row{"TIMEOUT", "The agent may still do it: GET the server to see. The task's id is in this answer."},
    Row{"ID_REUSED", "Choose another serverId, or leave it out: the hub makes one."},
};

} // namespace

std::string_view remedy_of(std::string_view code)
{
    const auto* row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.first == code; });
    return row == rows.end() ? std::string_view{} : row->second;
}

} // namespace agenthost::hub
