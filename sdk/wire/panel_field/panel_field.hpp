// Encodes and decodes the field dialect of the panel protocol, both ends: the document's frames, and the
// older frame types that deployed panels and agents use beside them. PROTOCOL.md describes it;
// tests/wire/vectors/panel_field pins it.
//
// Each end owns a codec of the document (wire/panel) and passes on every frame that the dialect does not
// change.
#pragma once

#include "wire/codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_panel_field_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_panel_field_server(ServerSetup);

} // namespace agenthost::wire
