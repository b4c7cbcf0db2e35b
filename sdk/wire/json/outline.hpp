// Describes an unusable frame for a log: its structure without its values, so that no secret is logged.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::wire {

// {"type":"register","shopId":"...","devices":[...]} becomes `87 bytes, an object with type "register",
// shopId, devices`. Only `type`, `action` and `event` are shown with their values, and only if those look
// like names.
std::string outline(std::string_view frame);

} // namespace agenthost::wire
