// The signed protocol's codec, both ends. Described in PROTOCOL.md in this folder; tested by
// tests/wire/vectors/signed.
//
// Uses all of Environment. Both ends need a NonceBook; without one every frame is rejected (replay.hpp has
// the usual one).
#pragma once

#include "wire/codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_signed_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_signed_server(ServerSetup);

} // namespace agenthost::wire
