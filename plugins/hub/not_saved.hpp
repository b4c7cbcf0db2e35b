// What to answer when the database did not take something: the code and the reason, as the file system tells them now.
#pragma once

#include "http.hpp"

#include <kit/disk_trouble.hpp>

#include <string>

namespace agenthost::hub {

// Right after a commit failed, so the disk answers.
kit::DiskTrouble why_not_saved(const std::string& database);
Answer not_saved(const std::string& database, const std::string& what);

} // namespace agenthost::hub
