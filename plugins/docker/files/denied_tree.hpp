// Looks for files on the denylist in a tree that an operation is about to delete, move or copy as one.
#pragma once

#include "control.hpp"
#include "root.hpp"

namespace agenthost::docker::files {

// Throws DENIED with the first name in the tree `name` of `folder` that is denied where it is (`now`) or would
// be denied where it goes (`later`), and when a part of the tree cannot be seen; also for a link that
// would take the place of a folder in which files are denied. Does nothing without a denylist. Blocking.
void check_denied_in(const Root&, int folder, const std::string& name, const Path& now, const Path& later,
                     Control&);

} // namespace agenthost::docker::files
