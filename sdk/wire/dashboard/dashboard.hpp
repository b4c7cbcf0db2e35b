// The dashboard protocol's codec, both ends. Facts and quirks: PROTOCOL.md beside this file; pinned by tests/wire/vectors/dashboard.
//
// World: utc_ms for timestamps, uuid for connection ids and for ids of frames that have none.
#pragma once

#include "wire/codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_dashboard_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_dashboard_server(ServerSetup);

} // namespace agenthost::wire
