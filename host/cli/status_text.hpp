// The daemon's state (GET /v1/status) as a person reads it. Pure: the same JSON gives the same text.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>

namespace agenthost::host::cli {

// `status` an object; a daemon of another version may say more or less. Colours: escape codes, for a terminal only.
std::string status_text(const nlohmann::json& status, std::int64_t now_ms, bool colours);

} // namespace agenthost::host::cli
