// Print shops prove themselves by the upgrade: X-Shop-Id, and Authorization: Bearer where the shop has a credential. Then `register`.
#include "protocol.hpp"

namespace agenthost::hub {

namespace {

// Without X-Shop-Id, which the document does not name, the register frame says which shop it is.
Opening open(const Head& head, const Credentials& credentials, std::int64_t now_ms)
{
    const std::string_view token = bearer_of(head.header("authorization"));
    Opening found{.agent = std::string{head.header("x-shop-id")},
                  .proof = token.empty() ? Proof{} : Credentials::by_secret(token)};
    if (found.agent.empty()) return found;
    if (!valid_id(found.agent)) return refuse_opening("X-Shop-Id is no shop's id");
    if (credentials.admits(found.agent, *found.proof, now_ms)) return found;
    if (found.proof = Proof{}; credentials.admits(found.agent, *found.proof, now_ms)) return found;
    return refuse_opening("unknown shop or wrong token");
}

} // namespace

const AgentProtocol print_protocol{
    .protocol = wire::Protocol::print, .path = "/print-agent", .first_frame = "a register", .opening = open};

} // namespace agenthost::hub
