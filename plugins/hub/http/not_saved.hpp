// What to answer when the database did not take something: the code and the reason, as the file system tells them now.
#pragma once

#include "http.hpp"

#include "base/disk_trouble.hpp"

#include <string>

namespace agenthost::hub {

// Right after a commit failed, so the disk answers. Tries a small write beside the database.
base::DiskTrouble why_not_saved(const std::string& database);
// Of an answer about the hub's own disk: INTERNAL is 502 when an agent says it, and 500 here.
int disk_status(const base::DiskTrouble&);
Answer not_saved(const std::string& database, const std::string& what);

} // namespace agenthost::hub
