// What the hub knows of one game server of one agent, and how it is shown. Pure.
//
// The agent decides; this is what it last reported.
#pragma once

#include "needs.hpp"
#include "plugins/hub/store/server_table.hpp"

#include "base/json_writer.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

// Absent: not reported.
struct ServerUsage {
    std::optional<double> cpu = {};                                         // percent of one core
    std::optional<std::uint64_t> memory = {}, memory_limit = {}, disk = {}; // bytes
    std::optional<double> memory_percent = {}, disk_percent = {};
    std::optional<std::uint64_t> sent = {}, received = {}; // bytes
    std::optional<std::uint32_t> players = {}, max_players = {};
    std::int64_t at = 0;
};

// The last failure that the agent reported; without a code: none.
struct ServerFault {
    std::string code, message;
};

struct ServerRecord {
    std::string agent, id, name, image, container_id;
    // The protocol's word: installing, install_failed, offline, starting, running, stopping, crashed, stuck;
    // empty: never reported.
    std::string status;
    DesiredState desired = DesiredState::none;
    Limits limits = {};
    std::vector<HostPort> ports = {};
    ServerUsage usage = {};
    ServerFault fault = {};
    // Seen by this hub; the time of the last one, UTC ms.
    std::uint64_t crashes = 0;
    std::int64_t crashed = 0;
    std::int64_t changed = 0; // when the status changed, UTC ms
    std::int64_t seen = 0;    // when the agent last reported it, UTC ms
    std::int64_t told = 0;    // when an event last reported its status, UTC ms
    // The agent's number of the action that led to the status, which rises with each accepted action; 0: the
    // agent does not number them.
    std::uint64_t action = 0;
    // Of the create_server that is not answered yet; empty: none.
    std::string creating = {};
};

struct ServerHealth {
    bool healthy = true;
    std::string reason; // for people; empty: healthy
};
// `online`: its agent is connected. A server that should run has `start_grace` to do so.
constexpr std::int64_t start_grace_ms = 60'000;
ServerHealth health_of(const ServerRecord&, bool online, std::int64_t now);

// Writes the server as one object of a list or an answer.
void write_server(base::JsonWriter&, const ServerRecord&, bool online, std::int64_t now);

} // namespace agenthost::hub
