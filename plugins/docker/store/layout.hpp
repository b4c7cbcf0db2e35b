// Creates and upgrades the layout of the store's file, one step for each version.
#pragma once

#include "base/sqlite.hpp"

#include <span>

namespace agenthost::docker::store {

// SQL, in order: a file of version n has had the first n steps. A step that was released is never changed; a
// new version appends one.
std::span<const char* const> layout_steps();

// The SQLite user_version.
int layout_version(base::Database&);
// Runs the missing steps, each in a transaction of its own, so that a crash leaves a complete version behind.
// Throws base::SqliteError. The file's version must not be above the number of steps.
void upgrade_layout(base::Database&, std::span<const char* const> steps);

} // namespace agenthost::docker::store
