// Speaks the field dialect of the dashboard protocol's agent leg, both ends: the frames of a deployed server and its agents. Facts and
// decisions: PROTOCOL.md beside this file; pinned by tests/wire/vectors/dashboard_field.
//
// Each end owns a codec of the document (wire/dashboard) for what the dialect has no frames for: other actions and their answers.
#pragma once

#include "wire/codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_dashboard_field_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_dashboard_field_server(ServerSetup);

// Appends the frame that answers what an agent should not have sent.
void write_dashboard_field_error(std::string& out, std::int64_t at, std::string_view code,
                                 std::string_view why);

} // namespace agenthost::wire
