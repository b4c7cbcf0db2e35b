// Reports what would prevent the hub from starting on this machine, for `agenthost config check`. Writes
// nothing.
#pragma once

#include "plugins/hub/core/config.hpp"

#include <agenthost/plugin.hpp>

#include <string>

namespace agenthost::hub {

// `state`: the plugin's state directory, which may not exist yet.
void check_config(const Config&, const std::string& state, Check&);

} // namespace agenthost::hub
