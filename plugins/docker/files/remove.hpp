// Deletes files and trees of any depth. Links are deleted, never followed. Blocking, long.
#pragma once

#include "control.hpp"
#include "root.hpp"

#include <cstdint>
#include <string>

namespace agenthost::docker::files {

struct Removed {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0; // that became free on disk
};

// A file, a link or a tree. A tree that the server keeps filling gives BUSY after a few passes. A cancelled
// deletion leaves the rest of the tree; deleting again continues. A tree with
// a file on the denylist is refused before anything is deleted. Throws.
Removed remove_path(const Root&, const Path&, Control&);
// `name` in the folder `parent`, whatever it is; ok if it does not exist. Throws as above.
Removed remove_tree(int parent, const std::string& name, Control&);
// Everything in the server's folder, which itself stays. Throws.
Removed remove_contents(const Root&, Control&);
// Unfinished files and folders of agents that crashed (part.hpp). Throws only CANCELLED.
Removed remove_leftovers(const Root&, Control&);

// Deletes `name` in `folder`, whatever it is, as far as possible and without errors: for unfinished folders.
void discard(int folder, const std::string& name);

} // namespace agenthost::docker::files
