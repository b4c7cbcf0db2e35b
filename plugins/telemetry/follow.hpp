// Follows one log file through rotation, like `tail -F`, by polling: two system calls per poll if nothing
// happened. Polling works on every filesystem and through bind mounts, where inotify does not.
//
// - Starts at the end of an unknown file, and at the saved FilePosition of a known one: the same inode, and
//   the same bytes before the position.
// - Renamed and recreated: the old file is read until its writer is quiet for `linger` polls (the writer may
//   notice the rotation later than we do), then the new one from its start. While no file has the path, the
//   old file stays open for `linger_missing` polls.
// - Copied and truncated (shorter than the position, or different bytes before it): read from the start.
// - Missing, not permitted, not a regular file: reported once by problem(), and retried.
// - Behind: a poll reads at most `step`; if more than `max_behind` behind, it jumps ahead and skipped()
//   counts the bytes.
// - An incomplete line waits for its end; in a rotated file it is complete. One thread at a time.
#pragma once

#include "lines.hpp"

#include "base/fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::telemetry {

// The read position, after the last complete line. Kept across restarts.
struct FilePosition {
    std::uint64_t device = 0, inode = 0, offset = 0;
    std::uint64_t before = 0; // a hash of up to 64 bytes before the offset
    bool operator==(const FilePosition&) const = default;
};

class Follower {
public:
    static constexpr std::size_t step = 256 << 10;
    static constexpr std::uint64_t max_behind = 16 << 20;
    // Polls; max_linger: even if its writer continues.
    static constexpr int linger = 3, linger_missing = 60, max_linger = 30;

    explicit Follower(std::string path, std::optional<FilePosition> position = {})
        : path_{std::move(path)}, saved_{position}
    {}

    // Reads new bytes and calls `take` for each line.
    void poll(const Splitter::Take& take);
    // nullopt until the file has been read.
    [[nodiscard]] std::optional<FilePosition> position() const;
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] const std::string& problem() const { return problem_; } // empty: the file is readable
    [[nodiscard]] std::uint64_t skipped() const { return skipped_; }      // bytes, since the beginning

private:
    bool open_new();
    bool read(const Splitter::Take&);
    enum class Path { same, other, missing };
    Path path_now() const;
    std::uint64_t hash_before(std::uint64_t offset) const;
    void begin_at(std::uint64_t offset);

    std::string path_, problem_;
    std::optional<FilePosition> saved_; // from the last run, until a file is open
    bool met_ = false; // a file has been opened: later files at the path are read from their start
    base::Fd file_;
    std::uint64_t device_ = 0, inode_ = 0, offset_ = 0, before_ = 0, skipped_ = 0;
    // The size at the last poll: if it changed, the bytes before the position are compared again.
    std::uint64_t checked_size_ = 0;
    std::int64_t checked_time_ = 0; // and the time of its last change
    int quiet_ = 0, gone_ = 0;      // polls without new bytes, polls since the path is no longer this file
    Splitter splitter_;
};

} // namespace agenthost::telemetry
