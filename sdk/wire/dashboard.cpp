#include "dashboard.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_dashboard_agent(AgentSetup) { return nullptr; }
std::unique_ptr<ServerCodec> make_dashboard_server(ServerSetup) { return nullptr; }

} // namespace agenthost::wire
