// Print shops authenticate by the upgrade request: X-Shop-Id, and Authorization: Bearer if the shop has a
// credential. Their first frame is `register`.
#include "protocol.hpp"

namespace agenthost::hub {

namespace {

// The protocol's document does not require X-Shop-Id; without it, the register frame has the shop's id.
Opening open(const Head& head, const AgentCredentials& credentials, std::int64_t now_ms)
{
    const std::string_view token = bearer_of(head.header("authorization"));
    Opening found{.agent = std::string{head.header("x-shop-id")},
                  .proof = token.empty() ? Proof{} : Proof::by_secret(token)};
    if (found.agent.empty()) return found;
    if (!valid_id(found.agent)) return refuse_opening("X-Shop-Id is not a valid shop id");
    if (credentials.admits(found.agent, *found.proof, now_ms)) return found;
    if (found.proof = Proof{}; credentials.admits(found.agent, *found.proof, now_ms)) return found;
    return refuse_opening("unknown shop or wrong token");
}

} // namespace

const AgentProtocol print_protocol{
    .protocol = wire::Protocol::print, .path = "/print-agent", .first_frame = "a register", .opening = open};

} // namespace agenthost::hub
