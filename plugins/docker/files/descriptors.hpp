// System calls on descriptors that the C library does not wrap, and the rules by which files are opened.
//
// The game runs with the owner's rights in the same folder and may swap any name for a link, a FIFO or a
// folder at any moment. So nothing here is decided by a name that is looked up again later: every result is a
// descriptor, and types are read from descriptors. Blocking calls: never on an I/O thread.
#pragma once

#include "path.hpp"

#include "base/fd.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace agenthost::docker::files {

// Links in the parents of a path: followed as long as they stay below the folder, or refused. The last
// component is never followed.
enum class Links { inside, refused };

// openat2 with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS. -1 and errno. Retries when a racing rename
// interrupts it.
int open_beneath(int folder, const char* path, int flags, Links, mode_t mode = 0);

// Whether the kernel has openat2 (Linux 5.6, and no seccomp filter that hides it).
bool openat2_works(int folder);

// An existing regular file. A FIFO, device or socket is never opened, not even for a moment: the name is
// opened as O_PATH, its type is read, and that descriptor is opened again. Throws.
base::Fd open_regular(int folder, const Path&, int flags, Links);

// One name inside `folder`, as a folder to list. -1 and errno; a link gives ELOOP or ENOTDIR.
int open_folder(int folder, const char* name);
// One name inside `folder`, regular files only. -1 and errno; anything else gives EINVAL.
int open_regular_name(int folder, const char* name, int flags);

// chmod of what an O_PATH descriptor refers to. 0 or an errno.
int chmod_descriptor(int o_path, mode_t mode);

// The path of a descriptor according to /proc, or "". For messages and rules only: by now it may lead elsewhere.
std::string name_of_descriptor(int fd);

// renameat2. 0 or an errno. Without `replace` an existing target gives EEXIST.
int rename_entry(int from_folder, const char* from, int to_folder, const char* to, bool replace);

// Writes all bytes to a regular file. 0 or an errno.
int write_file_bytes(int file, const char* data, std::size_t size);

} // namespace agenthost::docker::files
