// Keeps the newest output of one server on disk: up to 1 MiB in a folder of its own, in four files that are
// only appended to. Also keeps how far the engine's log was read (Mark), so that both are always stored
// together. Blocking calls: on a worker thread, one at a time.
//
// Nothing is synced to the disk: after kill -9 the kernel still has every write, and after a power cut the
// ring is a little older and the rest is read from the engine's log again, under the same positions.
#pragma once

#include "base/fd.hpp"
#include "intake.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::docker::console {

// Which entries are wanted; without any member the newest.
struct Query {
    std::optional<std::uint64_t> offset;  // position of the first one
    std::optional<std::int64_t> since_ns; // from the first one that is not older
    std::optional<std::uint32_t> tail;    // of those, the newest
    std::uint32_t limit = max_limit;
    static constexpr std::uint32_t max_limit = 1000;
    // Bytes of text in one page; a page has at least one entry.
    static constexpr std::size_t max_bytes = 256 * 1024;
};

struct Page {
    std::vector<Entry> entries;
    // Position of the oldest entry that is kept, of the one after this page, and of the next to come.
    std::uint64_t first = 0, next = 0, end = 0;
};

class Ring {
public:
    static constexpr std::uint64_t default_bytes = 1024 * 1024;

    // Creates the folder, or repairs what a crash has left. Null and `why`: a sentence.
    static std::unique_ptr<Ring> open(std::filesystem::path folder, std::string& why,
                                      std::uint64_t max_bytes = default_bytes);

    [[nodiscard]] const Mark& mark() const { return mark_; }
    // False and `why`: not stored. The next batch may be stored nevertheless; positions show what is missing.
    bool append(const Batch&, std::string& why);
    [[nodiscard]] Page read(const Query&) const;
    // Every entry from this position on, oldest first, until `visit` returns false. `container`: the one that
    // printed it, if known.
    using Visit = std::function<bool(std::uint64_t position, const Item&, const std::string& container)>;
    void each(std::uint64_t from, const Visit& visit) const;

private:
    struct File {
        std::filesystem::path path;
        std::uint64_t first = 0, next = 0, size = 0;
    };

    Ring(std::filesystem::path folder, std::uint64_t max_bytes)
        : folder_{std::move(folder)}, max_bytes_{max_bytes}
    {}
    bool load(std::string& why);
    bool load_file(const std::filesystem::path&, bool last);
    bool begin_file(const Mark& before, std::uint64_t coming, std::string& why);
    bool write(const std::string& block, std::string& why);

    std::filesystem::path folder_;
    std::uint64_t max_bytes_;
    std::deque<File> files_; // the oldest first
    base::Fd newest_;        // open: files_.back() may be appended to
    Mark mark_;
};

} // namespace agenthost::docker::console
