// Explains why a file cannot be written: the code of the one table (sdk/wire/codes.hpp) and a sentence that says what is wrong, where,
// and what to do. Any thread; asks the file system (statvfs), so never on an I/O thread.
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

// `error`: errno of the call that failed on `path`. `remedy`: what to do besides the obvious ("move agent.state_dir"), no full stop.
DiskTrouble disk_trouble(int error, const std::string& path, std::string_view remedy = {});
DiskTrouble disk_trouble(const SqliteError&, const std::string& path, std::string_view remedy = {});

// What the file system of a path has left, for this user.
struct DiskSpace {
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> inodes; // nullopt: this file system does not count them
    bool read_only = false;
};
// nullopt: it does not answer (the path is gone).
std::optional<DiskSpace> disk_space(const std::string& path);

} // namespace agenthost::base
