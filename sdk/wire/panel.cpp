#include "panel.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_panel_agent(AgentSetup) { return nullptr; }
std::unique_ptr<ServerCodec> make_panel_server(ServerSetup) { return nullptr; }

} // namespace agenthost::wire
