// The signed protocol's codec, both ends. Facts and quirks: PROTOCOL.md beside this file; pinned by tests/wire/vectors/signed.
//
// World: all three; NonceBook: both ends need one, without it nothing is believed (replay.hpp has the usual one).
#pragma once

#include "wire/codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_signed_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_signed_server(ServerSetup);

} // namespace agenthost::wire
