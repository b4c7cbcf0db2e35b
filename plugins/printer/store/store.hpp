// Keeps in SQLite what must outlive the agent: the jobs with their bytes and outcomes, what a printer's last
// job left open, settings.
//
// Ids of tasks: a server's task becomes one job. The same id with the same request is that job again; with
// another request it is an error. The latest finished jobs are kept: 1,000 for each printer and 100,000 in
// all, their bytes up to 64 MiB and 1 GiB. Their age does not matter: a clock that jumps (a start in 1970, then
// NTP) would make all of them old, and tasks that are sent again would be printed twice.
//
// Blocking; one thread at a time (thread.hpp). Every function throws base::SqliteError; then nothing was
// changed. A change is on the disk when the transaction that it is part of is committed: thread.hpp puts many
// into one.
#pragma once

#include "layout.hpp"

#include "plugins/printer/job/values.hpp"

#include "base/hash.hpp"
#include "base/sqlite.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer::store {

constexpr std::int64_t keep_jobs = 1'000;                        // finished ones, for each printer
constexpr std::int64_t keep_all_jobs = 100'000;                  // of all printers: servers may name many
constexpr std::int64_t keep_bytes = std::int64_t{64} << 20;      // of finished jobs, for each printer
constexpr std::int64_t keep_all_bytes = std::int64_t{1} << 30;   // of all printers
constexpr std::size_t max_setting_bytes = std::size_t{64} << 10; // the caller refuses longer ones

struct Job {
    job::JobId id = 0;
    std::string printer; // its name (device/identity.hpp) or address
    std::string server;
    std::string task;             // the server's id; empty: it has none, and nothing is deduplicated
    base::Sha256Digest request{}; // of action and parameters
    std::string kind;             // "print", "test", "drawer", "cut", "reprint"
    job::JobId copy_of = 0;
    std::uint64_t size = 0, commit_at = 0;
    std::int64_t created_ms = 0, ended_ms = 0; // UTC; 0: not ended
    job::Progress progress;
    std::string meta; // a JSON object, part of the answer

    [[nodiscard]] job::Ticket ticket() const { return {id, server, size, commit_at, progress}; }
};

// What add() found.
struct Added {
    Job job; // the new one, or the one that has this task's id
    bool existed = false, id_reused = false;
};

class Store {
public:
    // Throws Damaged, else std::runtime_error. Use open_store().
    explicit Store(const std::string& file);

    // `job.id` is chosen here.
    Added add(Job, std::string_view content);
    // A job that has ended stays as it is.
    void save(job::JobId, const job::Progress&, std::int64_t now_ms);
    void mark(job::JobId, std::uint64_t taken);
    void set_dirty(const std::string& printer, std::optional<std::uint64_t> missing);

    struct Loaded {
        std::vector<Job> open; // ascending
        std::map<std::string, std::uint64_t> dirty;
        std::map<std::string, std::string> settings;
    };
    Loaded load();
    std::optional<Job> find(job::JobId);
    std::optional<Job> find(std::string_view server, std::string_view task);
    // Returns what add() would find, or nullopt if it would add the job.
    std::optional<Added> known(const Job&);
    struct Filter {
        std::string printer, server; // empty: of all
        bool open_only = false;      // only jobs that have not ended
    };
    // Returns at most `limit` jobs, the latest first.
    std::vector<Job> list(const Filter&, std::size_t limit);
    // Returns the job's content, or nullopt if it has been deleted or is damaged.
    std::optional<std::string> content(job::JobId);

    void put_setting(std::string_view key, std::string_view value);
    // Forgets finished jobs beyond the bounds.
    void expire();

    [[nodiscard]] base::Database& database() { return db_; }

private:
    base::Database db_;
    base::Statement add_, put_content_, save_, mark_, find_task_, find_, content_;
};

struct Opened {
    std::unique_ptr<Store> store;
    Store::Loaded content;
    std::string degraded; // why the queue is empty: the damaged file was put aside. Empty: all is well
};
// Throws std::runtime_error when the file cannot be used at all.
Opened open_store(const std::string& file);

} // namespace agenthost::printer::store
