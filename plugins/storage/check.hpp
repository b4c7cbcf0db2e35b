// What would keep the store from starting here, for `agenthost config check`. Reads, and writes nothing.
#pragma once

#include "config.hpp"

#include <agenthost/plugin.hpp>

namespace agenthost::storage {

void check_config(const Config&, Check&);

} // namespace agenthost::storage
