// The print protocol's codec, both ends. Facts and quirks: README.md beside this file; pinned by tests/wire/vectors/print.
#pragma once

#include "codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_print_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_print_server(ServerSetup);

} // namespace agenthost::wire
