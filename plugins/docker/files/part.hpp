// Names of files and folders that are not finished yet: ".agenthost-<process>-<number>.part", beside their
// target.
//
// They are renamed when they are complete, so a reader sees the old content or the new one. A crash leaves
// them behind; remove_leftovers() (remove.hpp) deletes those of earlier processes. Any thread.
#pragma once

#include "base/fd.hpp"

#include <string>
#include <string_view>

namespace agenthost::docker::files {

// A name that this process has not used.
std::string new_part_name();
// Of this process, and perhaps still written.
bool is_own_part(std::string_view name);
// Of another process: a leftover.
bool is_foreign_part(std::string_view name);

// Creates an empty file of such a name, mode 0600. -1 and errno.
int create_part(int folder, std::string& name);
// Creates a folder of such a name, mode 0700, and opens it. -1 and errno.
int create_part_folder(int folder, std::string& name);

} // namespace agenthost::docker::files
