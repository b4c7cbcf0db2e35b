// The codecs' name for times as ISO 8601 text, which are in base.
#pragma once

#include "base/iso8601.hpp"

namespace agenthost::wire {

using base::append_iso8601;
using base::from_iso8601;

} // namespace agenthost::wire
