// Encodes and decodes the field dialect of the dashboard protocol's agent leg, both ends. PROTOCOL.md
// describes it; tests/wire/vectors/dashboard_field pins it.
//
// Each end owns a codec of the document (wire/dashboard) for actions and answers that have no frame type in
// the dialect.
#pragma once

#include "wire/codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_dashboard_field_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_dashboard_field_server(ServerSetup);

// Appends the ERROR frame that answers a frame which agents must not send.
void write_dashboard_field_error(std::string& out, std::int64_t at, std::string_view code,
                                 std::string_view why);

} // namespace agenthost::wire
