// Explains why a file cannot be written: an error code (sdk/wire/codes.hpp) and a sentence with the problem,
// the place and the remedy. Any thread; calls statvfs, so never on an I/O thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::base {

class SqliteError;

struct DiskTrouble {
    std::string code; // DISK_FULL, DISK_ERROR, INSUFFICIENT_RESOURCES or INTERNAL
    std::string text;
};

// `error`: errno of the call that failed on `path`. `remedy`: an additional remedy ("move agent.state_dir"),
// without a full stop.
DiskTrouble disk_trouble(int error, const std::string& path, std::string_view remedy = {});
DiskTrouble disk_trouble(const SqliteError&, const std::string& path, std::string_view remedy = {});

// The free space of a path's file system, for this user.
struct DiskSpace {
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> inodes; // nullopt: this file system does not count them
    bool read_only = false;
};
// nullopt: statvfs failed (the path does not exist).
std::optional<DiskSpace> disk_space(const std::string& path);

// A file that is open, as its path named it: what is written to a file that was deleted or replaced since is
// lost.
struct FileId {
    std::uint64_t device = 0, inode = 0;
    bool operator==(const FileId&) const = default;
};
std::optional<FileId> file_id(const std::string& path); // nullopt: it is not there
// nullopt: `path` still names the file that was `opened`.
std::optional<DiskTrouble> file_gone(const std::string& path, const FileId& opened);

} // namespace agenthost::base
