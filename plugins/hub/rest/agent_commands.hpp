// POST /api/agents/AGENT/commands: sends one command to any agent, by its registry name or the protocol's own
// name. Under the hub's lock.
#pragma once

#include "plugins/hub/http/router.hpp"
#include "plugins/hub/tasks/calls.hpp"

#include <string>
#include <vector>

namespace agenthost::hub {

class AgentCommands {
public:
    explicit AgentCommands(Calls& calls) : calls_{calls} {}
    [[nodiscard]] std::vector<Route> routes();

private:
    void command(const HttpRequest&) UNDER_LOCK;
    void run(const Exchange&, const std::string& agent, const std::string& body) UNDER_LOCK;

    Calls& calls_;
};

} // namespace agenthost::hub
