// What a session keeps across restarts: small private files in state_dir/servers/NAME/ (0700, files 0600). Blocking; never on an
// I/O thread.
//
// A write replaces the file as a whole: temporary file, fsync, rename, fsync of the folder. After a crash there is the old content or
// the new one. Written by root for a daemon of another user, folders and files become that user's (the owner of state_dir).
#pragma once

#include "base/file_lock.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host {

class StateFile {
public:
    // `server` is a configured name: letters, digits, ".", "_", "-", first a letter or digit.
    StateFile(const std::filesystem::path& state_dir, const std::string& server, const std::string& name);

    // nullopt with an empty `why`: there is none. At most `most` bytes; a longer file is not ours.
    [[nodiscard]] std::optional<std::string> read(std::string& why, std::size_t most = 1 << 20) const;
    // What is wrong (what, where, how to fix), or empty.
    [[nodiscard]] std::string replace(std::string_view content) const;
    // Adds to the end, synced; makes the file when it is not there.
    [[nodiscard]] std::string append(std::string_view content) const;
    [[nodiscard]] std::string path() const { return (folder_ / name_).string(); }
    // Held by one at a time, in this process or another, until the descriptor is closed. Waits. Without a folder nobody is locked out.
    [[nodiscard]] base::FileLock lock() const;

private:
    std::string make_folder() const;
    std::string write_to(const std::filesystem::path&, int flags, std::string_view content) const;

    std::filesystem::path state_dir_, folder_;
    std::string name_;
};

} // namespace agenthost::host
