// Explains why the database could not save or read something: code and reason, as the file system reports
// them now.
#pragma once

#include "http.hpp"

#include "base/disk_trouble.hpp"

#include <string>

namespace agenthost::hub {

// Call right after a failed commit. Tries a small write beside the database.
base::DiskTrouble why_not_saved(const std::string& database);
// The HTTP status for a problem of the hub's own disk: INTERNAL is 500 here, but 502 from an agent.
int disk_status(const base::DiskTrouble&);
Answer not_saved(const std::string& database, const std::string& what);
// Never 404: a caller that trusted it would send its command again.
Answer not_read(const std::string& database);

} // namespace agenthost::hub
