// A session's state across restarts: small private files in state_dir/servers/NAME/ (0700, files 0600).
// Blocking; never call it on an I/O thread.
//
// A write replaces the file atomically: temporary file, fsync, rename, fsync of the folder. After a crash the
// file has the old or the new content. If root writes for a daemon of another user, folders and files are
// given to the owner of state_dir.
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

    // nullopt with an empty `why`: no such file. A file longer than `max_bytes` is an error.
    [[nodiscard]] std::optional<std::string> read(std::string& why, std::size_t max_bytes = 1 << 20) const;
    // Returns the problem (what, where, how to fix), or empty.
    [[nodiscard]] std::string replace(std::string_view content) const;
    // Appends and syncs; creates the file if it is missing.
    [[nodiscard]] std::string append(std::string_view content) const;
    [[nodiscard]] std::string path() const { return (folder_ / name_).string(); }
    // An exclusive lock across processes, held until the descriptor is closed. Blocks while another holds it.
    // Without a folder it locks nothing.
    [[nodiscard]] base::FileLock lock() const;

private:
    std::string make_folder() const;
    std::string write_to(const std::filesystem::path&, int flags, std::string_view content) const;

    std::filesystem::path state_dir_, folder_;
    std::string name_;
};

} // namespace agenthost::host
