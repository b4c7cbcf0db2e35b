// The panel protocol's codec, both ends. Facts and quirks: PROTOCOL.md beside this file; pinned by tests/wire/vectors/panel.
//
// Heartbeat.facts as panel's `pong` writes them, and back: agent_status -> agentStatus, active_servers -> activeServers,
// system_load -> systemLoad. World: utc_ms for timestamps, uuid for the ids of events and pings.
#pragma once

#include "wire/codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_panel_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_panel_server(ServerSetup);

} // namespace agenthost::wire
