// Agents of the signed protocol authenticate by their first frame, which is signed with their secret.
#include "protocol.hpp"

namespace agenthost::hub {

namespace {

// The codec has verified the frame with this secret.
Proof prove(const wire::Hello& hello, const AgentCredentials& credentials)
{
    return Proof::by_secret(credentials.secret_of(hello.agent_id).value_or(""));
}

} // namespace

const AgentProtocol signed_protocol{.protocol = wire::Protocol::signed_,
                                    .path = "/agent",
                                    .first_frame = "a signed auth",
                                    .unknown_agent = "unknown_agent",
                                    .proof = prove};

} // namespace agenthost::hub
