// Refuses a configuration with one sentence that names the JSON path, the fault and the remedy.
//
//     eggConfig.limits.memory: "2048" is below the minimum of 16MiB. Write "2048m" for 2048 MiB.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::docker {

// Throws agenthost::Error with the code CONFIG_INVALID and the text `path: what`. An empty path is the whole
// payload.
[[noreturn]] void refuse(std::string_view path, const std::string& what);

// Untrusted text for a message: in quotes, escaped as JSON, cut after 80 bytes.
std::string shown(std::string_view text);

} // namespace agenthost::docker
