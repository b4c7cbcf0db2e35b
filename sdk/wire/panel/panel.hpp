// The panel protocol's codec, both ends. Described in PROTOCOL.md in this folder; tested by
// tests/wire/vectors/panel.
//
// Heartbeat.facts map to the members of panel's `pong`: agent_status -> agentStatus, active_servers ->
// activeServers, system_load -> systemLoad. Uses Environment's utc_ms for timestamps, uuid for the ids of
// events and pings.
#pragma once

#include "wire/codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_panel_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_panel_server(ServerSetup);

} // namespace agenthost::wire
