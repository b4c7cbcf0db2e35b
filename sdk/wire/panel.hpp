// The panel protocol's codec, both ends. Facts and quirks: README.md beside this file; pinned by tests/wire/vectors/panel.
#pragma once

#include "codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_panel_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_panel_server(ServerSetup);

} // namespace agenthost::wire
