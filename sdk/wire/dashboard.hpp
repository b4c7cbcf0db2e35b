// The dashboard protocol's codec, both ends. Facts and quirks: README.md beside this file; pinned by tests/wire/vectors/dashboard.
#pragma once

#include "codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_dashboard_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_dashboard_server(ServerSetup);

} // namespace agenthost::wire
