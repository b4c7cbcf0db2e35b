// Writes a command's state and result as JSON for callers.
#pragma once

#include "job.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace agenthost::terminal {

// What is not UTF-8 becomes U+FFFD.
std::string dump(const nlohmann::json&);
// The answer to the request that runs it, or to one that attached.
std::string result_json(const Job&, const Reader&, bool runs_it);
// For terminal.list.
std::string describe(const Job&);

} // namespace agenthost::terminal
