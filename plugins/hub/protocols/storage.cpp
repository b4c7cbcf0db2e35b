// Storage agents prove themselves by their first frame, which carries id and token.
#include "protocol.hpp"

namespace agenthost::hub {

namespace {

Proof prove(const wire::Hello& hello, const Credentials&) { return Credentials::by_secret(hello.credential); }

} // namespace

const AgentProtocol storage_protocol{
    .protocol = wire::Protocol::storage, .path = "/ws/storage", .first_frame = "an auth", .proof = prove};

} // namespace agenthost::hub
