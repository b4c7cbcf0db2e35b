// Appends text as a JSON string: quotes around it, escapes where JSON needs them, the shortest form of each.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::base {

// Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

} // namespace agenthost::base
