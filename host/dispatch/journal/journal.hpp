// Makes sure that work with effects is never lost and never done twice: a row is committed before the plugin
// sees the command, and the result before it is sent. SQLite in WAL mode with synchronous=FULL, on a thread
// of its own that commits in groups; the main thread never waits.
//
// Key: (caller, the protocol's task id), with a SHA-256 of action, target and params. How a command whose id
// is already known is answered: see Begin. Shares and the full disk: host/adr/0011.
//
// Bounds: `rows` and `bytes`, kept for `keep`. Half of both is divided evenly among the callers of
// share_among(): whatever one of them does, the others keep their part. A caller without space is refused new
// work with effects; nothing valid is evicted. Results that changed nothing are kept for two minutes once
// delivered, and are deleted first.
//
// A disk that refuses (full, read-only, out of descriptors): new work is refused with the disk's reason;
// results of running work, deletions and the operator's commands use a reserve of 1 MiB. The disk is checked
// every second, so the beginning and the end of a problem are noticed without a command.
//
// Main thread, except what is marked [any]. Owned by host/app.
#pragma once

#include "types.hpp"

#include "base/disk_trouble.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

struct JournalStats {
    std::uint64_t rows = 0, undelivered = 0, commits = 0, waiting = 0;
    // journal.rows
    std::uint64_t max_rows = 0;
    // Of the file and its write-ahead log, at most a second ago.
    std::uint64_t bytes = 0;
    // Commands that were refused because the journal or its queue was full.
    std::uint64_t full = 0;
    // Commits that the disk refused.
    std::uint64_t failures = 0;
    // Of the rows; journal.bytes.
    std::uint64_t result_bytes = 0, max_result_bytes = 0;
    // How long the disk has been busy with the current commit.
    std::chrono::nanoseconds working{0};
};

class Journal {
public:
    struct Options {
        std::filesystem::path file;
        std::chrono::seconds keep{7 * 24 * 3600};
        std::uint64_t rows = 100'000;
        std::uint64_t bytes = 256 << 20;
        // Operations that wait for the disk; beyond: Begin::full.
        std::size_t queue = 4096;
        // Held back for a full disk, in journal.reserve beside the file.
        std::uint64_t reserve = 1 << 20;
        std::function<std::chrono::system_clock::time_point()> clock = std::chrono::system_clock::now;
        // For tests, on the journal's thread: an exception is a disk that refuses.
        std::function<void()> before_commit;
        std::function<std::optional<base::DiskSpace>(const std::string& path)> space = base::disk_space;
        // Reports a problem with the disk under the id "journal" or "state_dir"; an empty reason: the problem
        // has ended. On the journal's thread.
        std::function<void(std::string_view id, std::string reason)> report;
    };
    // Opens or creates the file and marks what was running as interrupted. Blocking: start-up only. Throws
    // std::runtime_error with file, cause and remedy.
    Journal(boost::asio::any_io_executor main, Options);
    // Commits what is queued.
    ~Journal();

    enum class Begin { fresh, running, finished, id_reused, interrupted, full, failed };
    struct Begun {
        Begin what = Begin::failed;
        std::uint64_t row = 0;
        // finished, interrupted
        StoredResult result;
        // failed: what is wrong with the disk; full: whose share is used up.
        std::string problem;
        // failed
        std::string code;
    };
    // The continuation runs on the main thread after the commit. `interrupted`: the earlier run ended with
    // the process; by the manifest's `idempotent` the caller decides between rerun(row) and the stored
    // result. `by_operator`: not refused beforehand while there is a problem with the disk.
    void begin(std::string_view caller, std::string_view id, const Digest&, std::string_view action,
               std::function<void(Begun)>, bool by_operator = false);
    // The row gets a new number, so that a late delivered() of the old answer does not count for the new one.
    // 0: not done.
    void rerun(std::uint64_t row, std::function<void(std::uint64_t new_row)>);
    // Outcome not_started removes the row: the same id may run again. `done(false, 0)`: the disk refused; the
    // result must still be sent. It is remembered in memory for repeats, and written with the next commit
    // that works. `sequence`: its place in the outbox. `changed_nothing`: it need not be kept for long.
    void finish(std::uint64_t row, const wire::Result&,
                std::function<void(bool ok, std::uint64_t sequence)> done, bool changed_nothing = false);
    void delivered(std::uint64_t row);
    // The result of a finished row becomes this error; its place in the outbox stays.
    void replace_result(std::uint64_t row, const wire::Result&);
    // Undelivered results of a caller that are finished or interrupted, in the order of finishing, after
    // `after_sequence`; at most `max_rows` and about 4 MiB. Only an empty page is the last.
    struct Undelivered {
        std::uint64_t sequence;
        StoredResult result;
    };
    void undelivered(std::string_view caller, std::uint64_t after_sequence, std::size_t max_rows,
                     std::function<void(std::vector<Undelivered>)>);
    // The host calls it hourly.
    void expire();
    // From now on these callers have a part of rows and bytes of their own.
    void share_among(std::vector<std::string> callers);

    // [any]
    [[nodiscard]] JournalStats stats() const;
    // Why new work is refused. [any]
    [[nodiscard]] std::optional<base::DiskTrouble> trouble() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace agenthost::host
