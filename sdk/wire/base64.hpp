// The codecs' name for base64, which is in base.
#pragma once

#include "base/base64.hpp"

namespace agenthost::wire {

using base::append_base64;
using base::append_from_base64;

} // namespace agenthost::wire
