// What `agenthost config check` says about this machine: the engine's socket, the data folder, passwords.
// Blocking; opens nothing.
#pragma once

#include "config.hpp"

#include <agenthost/plugin.hpp>

namespace agenthost::docker::service {

void check(const Config&, const Check& report);

} // namespace agenthost::docker::service
