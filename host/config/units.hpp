// Sizes and durations, as sdk/base/units.hpp reads and writes them, under the names of this room.
#pragma once

#include "base/units.hpp"

namespace agenthost::host::conf {

using base::format_duration;
using base::format_size;
using base::parse_duration;
using base::parse_size;

} // namespace agenthost::host::conf
