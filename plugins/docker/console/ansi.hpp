// Removes terminal escape sequences (colours, cursor movements, titles) and other control characters from a
// line. Pure; one pass.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::docker::console {

std::string without_escapes(std::string_view line);
// Whether it would change anything.
bool has_escapes(std::string_view line);

} // namespace agenthost::docker::console
