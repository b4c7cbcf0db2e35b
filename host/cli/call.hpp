// The progress line of `agenthost call`.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <string>

namespace agenthost::host::cli {

// "####------  42%  1.2 MiB of 3 MiB", or the object itself when it has no done and total.
std::string progress_text(const nlohmann::json& progress, std::size_t columns);

} // namespace agenthost::host::cli
