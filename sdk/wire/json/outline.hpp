// Describes a frame that could not be used, for a log: its form without its values, so that no secret gets there.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::wire {

// {"type":"register","shopId":"...","devices":[...]} is told as `87 bytes, an object with type "register", shopId, devices`.
// Only `type`, `action` and `event` are shown with their values, and only when they look like a name.
std::string outline(std::string_view frame);

} // namespace agenthost::wire
