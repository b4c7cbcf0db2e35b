// What would keep the hub from starting here, for `agenthost config check`. Reads, and writes nothing.
#pragma once

#include "plugins/hub/core/config.hpp"

#include <agenthost/plugin.hpp>

#include <string>

namespace agenthost::hub {

// `state`: the plugin's state directory, which may not exist yet.
void check_config(const Config&, const std::string& state, Check&);

} // namespace agenthost::hub
