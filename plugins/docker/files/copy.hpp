// Copies a file or a tree to a new place, all or nothing.
//
// The copy is made under a temporary name beside its target and renamed when it is complete. Links are copied
// as links, with their text; holes of sparse files stay holes; hard links become files of their own; FIFOs,
// sockets and devices are left out and counted. Owner: the server's; modes and times of modification are
// kept, without set-uid and set-gid. The copy is not synced to the disk: after a power cut, files may be
// empty; copy again. Blocking, long.
#pragma once

#include "control.hpp"
#include "root.hpp"

#include <cstdint>

namespace agenthost::docker::files {

struct CopyOptions {
    bool make_parents = false;
    bool replace = false; // an existing file by a file; a folder is never replaced
    std::uint64_t max_entries = 1'000'000;
    std::uint64_t max_bytes = std::uint64_t{1} << 40;
};
constexpr std::size_t max_tree_depth = 128;

struct Copied {
    std::uint64_t entries = 0, bytes = 0;
    std::uint64_t left_out = 0; // FIFOs, sockets, devices, files that vanished meanwhile
};

// Throws TOO_LARGE for more entries, bytes or levels than allowed, DISK_FULL, BUSY, CANCELLED.
Copied copy_path(const Root&, const Path& from, const Path& to, const CopyOptions&, Control&);

} // namespace agenthost::docker::files
