// Storage agents authenticate by their first frame, which has their id and token.
#include "protocol.hpp"

namespace agenthost::hub {

namespace {

Proof prove(const wire::Hello& hello, const AgentCredentials&) { return Proof::by_secret(hello.credential); }

} // namespace

const AgentProtocol storage_protocol{
    .protocol = wire::Protocol::storage, .path = "/ws/storage", .first_frame = "an auth", .proof = prove};

} // namespace agenthost::hub
