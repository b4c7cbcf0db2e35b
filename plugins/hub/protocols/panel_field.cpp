// Agents of panel's field dialect connect and authenticate as panel agents do (panel.cpp). Their upgrade
// request has the agent's id in X-Node-Id or ?nodeId= instead of X-Agent-ID.
#include "protocol.hpp"

namespace agenthost::hub {

namespace {

bool recognizes_upgrade(const Head& head)
{
    return head.header("x-agent-id").empty() &&
           (!head.header("x-node-id").empty() || query_value(head.query, "nodeId"));
}

} // namespace

const AgentProtocol panel_field_protocol{.protocol = wire::Protocol::panel_field,
                                         .path = "/ws/agents",
                                         .first_frame = "a command or response",
                                         .recognizes_upgrade = recognizes_upgrade};

} // namespace agenthost::hub
