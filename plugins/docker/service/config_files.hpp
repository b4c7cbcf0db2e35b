// Writes the values that an egg wants in the game's configuration files, before each start. Blocking.
#pragma once

#include "plugins/docker/spec/server_plan.hpp"

#include <string>
#include <vector>

namespace agenthost::docker::service {

// What could not be done, a sentence each; the server is started nevertheless. Throws agenthost::Error when a
// file cannot be read or written, or does not parse.
std::vector<std::string> edit_config_files(const ServerPlan&, const NodePolicy&);

} // namespace agenthost::docker::service
