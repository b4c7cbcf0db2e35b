// Reports what would prevent the store from starting on this machine, for `agenthost config check`. Writes
// nothing.
#pragma once

#include "config.hpp"

#include <agenthost/plugin.hpp>

#include <string>

namespace agenthost::storage {

// `state`: the plugin's state directory, which may not exist yet; empty if the plugin has no state directory.
void check_config(const Config&, const std::string& state, Check&);

} // namespace agenthost::storage
