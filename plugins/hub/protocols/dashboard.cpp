// Agents of the dashboard protocol authenticate by the upgrade request: ?token=JWT, or Authorization: Bearer.
// Their first frame is `agent:connect`, from the agent that the token names.
#include "protocol.hpp"

#include "wire/dashboard/client.hpp"

namespace agenthost::hub {

namespace {

Opening open(const Head& head, const AgentCredentials& credentials, std::int64_t now_ms)
{
    std::string token = query_value(head.query, "token").value_or("");
    if (token.empty()) token = bearer_of(head.header("authorization"));
    if (token.empty()) return refuse_opening("the URL has no token");
    return open_by_token(token, credentials, now_ms);
}

// Agents do not answer an error frame.
void complain(std::string& out, std::int64_t utc_ms, std::string_view why)
{
    wire::dashboard_client::write_error(out, utc_ms, {.code = "INVALID_MESSAGE", .message = why});
}

} // namespace

const AgentProtocol dashboard_protocol{.protocol = wire::Protocol::dashboard,
                                       .path = "/ws/agent",
                                       .first_frame = "an agent:connect",
                                       .opening = open,
                                       .complain = complain};

} // namespace agenthost::hub
