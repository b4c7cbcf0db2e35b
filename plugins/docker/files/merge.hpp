// Moves the contents of one folder into another by renames. Internal to unpack.cpp.
//
// If a name is free, one rename moves the entire tree there. Folders of the same name are merged; a file,
// link or anything else that is not a folder replaces an existing one if allowed. A folder never replaces a
// file, nor the other way round.
#pragma once

#include "control.hpp"
#include "path.hpp"

#include "base/fd.hpp"

#include <cstdint>

namespace agenthost::docker::files {

// The first name in the way, below `path`; the folder itself: none. Changes nothing.
Path merge_conflict(int from, int to, const Path& path, bool replace, Control&);
// Throws; `moved` counts the renames that were done.
void merge_folders(int from, int to, const Path& path, bool replace, Control&, std::uint64_t& moved);

} // namespace agenthost::docker::files
