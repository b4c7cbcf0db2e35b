// Agents of dashboard's field dialect connect and authenticate as dashboard agents do (dashboard.cpp). Their
// first frame is AGENT_CONNECT.
#include "protocol.hpp"

#include "wire/dashboard_field/dashboard_field.hpp"
#include "wire/json/fields.hpp"

namespace agenthost::hub {

namespace {

bool recognizes_first_frame(std::string_view frame)
{
    std::string why;
    const auto members = wire::json::split(frame, why);
    const wire::json::Member* type = members ? wire::find(*members, "type") : nullptr;
    return type != nullptr && type->text == "AGENT_CONNECT";
}

void complain(std::string& out, std::int64_t utc_ms, std::string_view why)
{
    wire::write_dashboard_field_error(out, utc_ms, "INVALID_MESSAGE", why);
}

} // namespace

const AgentProtocol dashboard_field_protocol{.protocol = wire::Protocol::dashboard_field,
                                             .path = "/ws/agent",
                                             .first_frame = "an AGENT_CONNECT",
                                             .complain = complain,
                                             .recognizes_first_frame = recognizes_first_frame};

} // namespace agenthost::hub
