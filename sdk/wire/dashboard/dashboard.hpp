// The dashboard protocol's codec, both ends. Described in PROTOCOL.md in this folder; tested by
// tests/wire/vectors/dashboard.
//
// Uses Environment's utc_ms for timestamps, uuid for connection ids and for ids of frames without one.
#pragma once

#include "wire/codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_dashboard_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_dashboard_server(ServerSetup);

} // namespace agenthost::wire
