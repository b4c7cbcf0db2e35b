#include "print.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_print_agent(AgentSetup) { return nullptr; }
std::unique_ptr<ServerCodec> make_print_server(ServerSetup) { return nullptr; }

} // namespace agenthost::wire
