// Panel agents authenticate by the upgrade request: Authorization: Bearer JWT. X-Agent-ID, X-Node-Id or
// ?nodeId=, if present, must be the token's subject. No first frame follows.
#include "protocol.hpp"

#include "wire/json/fields.hpp"

#include <utility>

namespace agenthost::hub {

namespace {

Opening open(const Head& head, const AgentCredentials& credentials, std::int64_t now_ms)
{
    const std::string_view token = bearer_of(head.header("authorization"));
    if (token.empty()) return refuse_opening("the upgrade request has no Authorization: Bearer token");
    Opening found = open_by_token(token, credentials, now_ms);
    if (!found.refused.empty()) return found;
    // Deployed agents send their id in X-Node-Id or ?nodeId=, or not at all: the token's subject is used.
    const std::string in_query = query_value(head.query, "nodeId").value_or("");
    for (const auto& [where, named] :
         {std::pair<const char*, std::string_view>{"X-Agent-ID", head.header("x-agent-id")},
          {"X-Node-Id", head.header("x-node-id")},
          {"nodeId in the URL", in_query}}) {
        if (!named.empty() && named != found.agent)
            return refuse_opening(std::string{where} + " differs from the agent id in the token");
    }
    found.ready = true;
    return found;
}

// Deployed agents answer twice: first with data.status "processing". An agenthost answers once.
bool begins_only(const wire::Result& result)
{
    if (result.outcome != wire::Outcome::success || result.data.find("processing") == std::string_view::npos)
        return false;
    std::string why;
    const auto members = wire::json::split(result.data, why);
    const wire::json::Member* status = members ? wire::find(*members, "status") : nullptr;
    return status != nullptr && status->text == "processing";
}

} // namespace

const AgentProtocol panel_protocol{.protocol = wire::Protocol::panel,
                                   .path = "/ws/agents",
                                   .first_frame = "a command or response",
                                   .opening = open,
                                   .begins_only = begins_only};

} // namespace agenthost::hub
