// Formats the daemon's state (GET /v1/status) for people. Pure: the same JSON gives the same text.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>

namespace agenthost::host::cli {

// `status` is an object; another version of the daemon may send more or fewer members. Colours: escape codes,
// for a terminal only.
std::string status_text(const nlohmann::json& status, std::int64_t now_ms, bool colours);

} // namespace agenthost::host::cli
