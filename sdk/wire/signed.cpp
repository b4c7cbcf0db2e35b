#include "signed.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_signed_agent(AgentSetup) { return nullptr; }
std::unique_ptr<ServerCodec> make_signed_server(ServerSetup) { return nullptr; }

} // namespace agenthost::wire
