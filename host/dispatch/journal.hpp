// Work with effects is never lost and never done twice: a row is committed before the plugin sees the
// command, the result before it is sent. SQLite in WAL mode, synchronous=FULL, on a thread of its own that
// commits in groups; the main thread never waits.
//
// Key: (caller, the protocol's task id), with a SHA-256 of action and params. Rules: HOUSE.md, Journal; shares
// and the full disk: adr/0011.
//
// Bounds: `rows` and `bytes`, kept `keep` long. Half of both is divided evenly among the callers of share_among():
// whatever one of them does, the others keep their part. A caller without room is refused new work with effects;
// nothing valid is evicted. Results that changed nothing are kept two minutes once delivered, and go first.
//
// A disk that refuses (full, read-only, out of descriptors): new work is refused with the disk's reason; results of
// running work, deletions and the operator's commands use a reserve of 1 MiB. Looked at every second, so both the
// trouble and its end are noticed without a command.
#pragma once

#include "base/disk_trouble.hpp"
#include "wire/message.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <array>
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

using Digest = std::array<unsigned char, 32>;

struct StoredResult {
    std::uint64_t row = 0;
    std::string id, action; // the wire's word
    wire::Outcome outcome = wire::Outcome::success;
    std::string data, code, message, detail, error_data;
};

struct JournalStats {
    std::uint64_t rows = 0, undelivered = 0, commits = 0, waiting = 0;
    std::uint64_t rows_most = 0; // journal.rows
    std::uint64_t bytes = 0;     // of the file and its write-ahead log, as of the last second
    std::uint64_t full = 0;      // commands refused because it or its queue was full
    std::uint64_t failures = 0;  // commits the disk refused
    std::uint64_t result_bytes = 0, result_bytes_most = 0; // of the rows; journal.bytes
    std::chrono::nanoseconds working{0};                   // how long the disk has been at the current commit
};

class Journal {
public:
    struct Options {
        std::filesystem::path file;
        std::chrono::seconds keep{7 * 24 * 3600};
        std::uint64_t rows = 100'000;
        std::uint64_t bytes = 256 << 20;
        std::size_t queue = 4096;        // operations waiting for the disk; beyond: Begin::full
        std::uint64_t reserve = 1 << 20; // held back for a full disk, in journal.reserve beside the file
        std::function<std::chrono::system_clock::time_point()> clock = std::chrono::system_clock::now;
        std::function<void()> before_commit; // tests: on the journal's thread; a throw is a disk that refuses
        std::function<std::optional<base::DiskSpace>(const std::string& path)> space = base::disk_space;
        // What is wrong with the disk under an id of ours ("journal", "state_dir"); empty: nothing any more. On the
        // journal's thread.
        std::function<void(std::string_view id, std::string reason)> report;
    };
    // Opens or creates the file and marks what was running as interrupted. Blocking: start-up only. Throws
    // std::runtime_error with file, cause and remedy.
    Journal(boost::asio::any_io_executor main, Options);
    ~Journal(); // commits what is queued

    enum class Begin { fresh, running, finished, id_reused, interrupted, full, failed };
    struct Begun {
        Begin what = Begin::failed;
        std::uint64_t row = 0;
        StoredResult result; // finished
        std::string problem; // failed: what is wrong with the disk; full: whose share is used up
        std::string code;    // failed
    };
    // The continuation runs on the main thread after the commit. `interrupted`: the earlier run died with the
    // process; the caller of begin() decides by the manifest's `idempotent`: rerun(row) or answer it.
    // `by_operator`: is not refused beforehand while the disk is in trouble.
    void begin(std::string_view caller, std::string_view id, const Digest&, std::string_view action,
               std::function<void(Begun)>, bool by_operator = false);
    // The row gets a new number, so that a late delivered() of the old answer does not count for the new one.
    // 0: not done.
    void rerun(std::uint64_t row, std::function<void(std::uint64_t new_row)>);
    // outcome not_started removes the row: the same id may run. `done(false, 0)`: the disk refused; the
    // result must still be sent, is remembered in memory (a repeat gets it) and written with the next commit
    // that works. `sequence`: its place in the outbox. `changed_nothing`: it need not be kept for long.
    void finish(std::uint64_t row, const wire::Result&,
                std::function<void(bool ok, std::uint64_t sequence)> done, bool changed_nothing = false);
    void delivered(std::uint64_t row);
    // The result of a finished row becomes this error; its place in the outbox stays.
    void replace_result(std::uint64_t row, const wire::Result&);
    // Finished or interrupted, undelivered results of a caller in order of finishing, after `after_sequence`,
    // at most `most` and about 4 MiB: only an empty page is the last.
    struct Undelivered {
        std::uint64_t sequence;
        StoredResult result;
    };
    void undelivered(std::string_view caller, std::uint64_t after_sequence, std::size_t most,
                     std::function<void(std::vector<Undelivered>)>);
    void expire(); // asked hourly by the host
    // Those that have a part of rows and bytes of their own, from now on.
    void share_among(std::vector<std::string> callers);

    [[nodiscard]] JournalStats stats() const;                       // [any]
    [[nodiscard]] std::optional<base::DiskTrouble> trouble() const; // [any] why new work is refused

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace agenthost::host
