// Loads the random id of this agent's store, which its containers carry as a label, so that two agents on one
// engine do not take each other's containers for theirs. In a file beside the database, which outlives a
// database that was damaged and replaced. Blocking; at start-up.
#pragma once

#include <string>

namespace agenthost::docker::store {

// Creates the file if it is missing or empty; synced. Throws std::runtime_error with file and cause.
std::string load_owner(const std::string& file);

} // namespace agenthost::docker::store
