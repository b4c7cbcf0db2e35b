// Reads what agents report about their servers: the answers to list_servers and get_status, events,
// heartbeats and the capabilities of a registration. Pure. Unknown members and values of another type are
// ignored.
#pragma once

#include "placement.hpp"
#include "record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

struct ServerList {
    std::vector<ServerRecord> servers; // without their agent
    std::string next;                  // the cursor of the next page; empty: this was the last one
    Capacity capacity;                 // its member "node"
    std::vector<UsedPort> used;        // by other programs
    bool engine_away = false;          // its container engine does not answer
};
constexpr std::size_t max_list_page = 1'000;
// nullopt: not the answer of an agent that lists servers.
std::optional<ServerList> read_list(std::string_view data);

// Applies an object with status, containerId, resources and players, as in the answer to get_status.
void read_status(std::string_view data, std::int64_t now, ServerRecord&);

// Whether what was wrong is over when a server's status becomes this.
bool ends_fault(std::string_view status);

// The topic without its plugin's name: "server_log" of "docker.server_log".
std::string_view short_topic(std::string_view topic);
// Applies an event about a server; false: it says nothing about the server's state.
bool read_event(std::string_view topic, std::string_view data, std::int64_t now, ServerRecord&);
// Whether the topic is one of game servers.
bool is_server_topic(std::string_view topic);

// An event of the agent's container engine: {"name":"docker","version":"24.0.0","away":true}. nullopt: it has no
// `away`.
std::optional<bool> read_engine_away(std::string_view data);

// The capabilities of a registration: {"maxMemory":"16GB","maxCpuCores":8,"dockerVersion":"24.0.0"}.
struct Capabilities {
    Capacity capacity;
    bool servers = false; // it runs containers
};
Capabilities read_capabilities(std::string_view json);

// A heartbeat's facts: {"agent_status":"healthy","system_load":{"cpu":25.5,"memory":65.2,"disk":40.1}}.
struct NodeReport {
    SystemLoad load;
    std::string status;
};
NodeReport read_heartbeat(std::string_view facts);

} // namespace agenthost::hub
