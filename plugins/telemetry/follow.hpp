// Follows one log file through rotation, as `tail -F` does, by looking: two system calls a look when nothing happened. Looking works on
// every filesystem and through bind mounts, where inotify is silent.
//
// - It begins at the end of a file it meets for the first time, and where it stood (Place) when it knows the file: the same inode, and
//   the same bytes before the place.
// - Renamed and made anew: the old file is read until its writer is quiet for `linger` looks (it learns of the rotation later than we
//   do), then the new one from its start. While nothing has the path, the old file stays for `linger_missing` looks.
// - Copied and truncated: shorter than the place, or other bytes before it: from the start.
// - Missing, not permitted, no regular file: said once by problem(), looked for again.
// - Behind: a look reads `step` at most; more than `behind_most` behind, it jumps ahead and skipped() counts the bytes.
// - A line without an end waits; of a file that was rotated away it is taken as it is. One thread at a time.
#pragma once

#include "lines.hpp"

#include "base/fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::telemetry {

// Where it stands: behind the last whole line. Kept across restarts.
struct Place {
    std::uint64_t device = 0, inode = 0, offset = 0;
    std::uint64_t before = 0; // a hash of up to 64 bytes before the offset
    bool operator==(const Place&) const = default;
};

class Follower {
public:
    static constexpr std::size_t step = 256 << 10;
    static constexpr std::uint64_t behind_most = 16 << 20;
    static constexpr int linger = 3, linger_missing = 60,
                         linger_most = 30; // looks; most: even when its writer goes on

    explicit Follower(std::string path, std::optional<Place> place = {})
        : path_{std::move(path)}, saved_{place}
    {}

    // Reads what is new. `take` gets each line.
    void look(const Splitter::Take& take);
    // Nothing while the file was never read.
    [[nodiscard]] std::optional<Place> place() const;
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] const std::string& problem() const { return problem_; } // empty: it can be read
    [[nodiscard]] std::uint64_t skipped() const { return skipped_; }      // bytes, since the beginning

private:
    bool open_new();
    bool read(const Splitter::Take&);
    enum class Path { same, other, missing };
    Path path_now() const;
    std::uint64_t hash_before(std::uint64_t offset) const;
    void begin_at(std::uint64_t offset);

    std::string path_, problem_;
    std::optional<Place> saved_; // of the last run, until the first file is open
    bool met_ = false; // a file has been opened: what comes later under the path is new from its start
    base::Fd file_;
    std::uint64_t device_ = 0, inode_ = 0, offset_ = 0, before_ = 0, skipped_ = 0;
    std::uint64_t checked_size_ =
        0; // the size at the last look: with another one the bytes before are compared again
    std::int64_t checked_time_ = 0; // and the time of its last change
    int quiet_ = 0, gone_ = 0;      // looks without news, looks since the path is not this file's
    Splitter splitter_;
};

} // namespace agenthost::telemetry
