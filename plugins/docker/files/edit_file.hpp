// Applies configuration edits to a file of a server. Blocking.
#pragma once

#include "edit.hpp"
#include "root.hpp"

namespace agenthost::docker::files {

// Writes only if something changed (write.hpp: all or nothing). A file that does not exist is created from
// the edits when the format can be (properties, ini, yaml, json); otherwise it is a miss. Throws; `text` of
// the result is empty.
Edited edit_file(const Root&, const Path&, FileFormat, const std::vector<Edit>&);

} // namespace agenthost::docker::files
