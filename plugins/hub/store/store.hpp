// The default implementation of the hub's tables: one SQLite file, and one thread that commits in groups. No
// other thread waits for the disk.
//
// Jobs run in order, so a query sees all earlier writes. Queries run outside the commit: a disk that refuses
// writes does not stop them, and a query that fails says so. The file is locked: a second hub cannot open it.
// Bounds: `max_jobs` jobs, `max_waiting` tasks that wait to be saved (backlog.hpp), and the rows and bytes of
// Bounds. A failing disk is retried every second, even without waiting work, so that its recovery is noticed;
// meanwhile other writes report false.
//
// More than 25 members, because ten functions implement the four tables; each only posts a job.
#pragma once

#include "backlog.hpp"
#include "tables.hpp"

#include "base/disk_trouble.hpp"
#include "base/sqlite.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace agenthost::hub {

class Store final : public Registry, public TaskTable, public ReportTable, public CredentialTable {
public:
    // Many times a thousand agents that reconnect at once.
    static constexpr std::size_t max_jobs = 16'384;
    static constexpr std::int64_t shop_rows = 1'000; // tasks kept for one shop
    // Agents remembered; those not seen for longest are deleted first.
    static constexpr std::int64_t agent_rows = 100'000;

    struct Bounds {
        std::uint32_t task_rows;
        std::uint64_t result_bytes = UINT64_MAX; // of ended tasks (store/results.hpp)
    };
    struct Loaded {                         // data that a starting hub needs
        std::vector<TaskRecord> open_tasks; // oldest first; tasks bound to a dead process have been failed
        // Print's configurations without a confirming heartbeat, oldest first.
        std::vector<TaskRecord> unconfirmed;
        std::vector<MintedToken> tokens;
    };
    // Opens or creates the file; blocking, start-up only. Throws std::runtime_error with cause and remedy.
    Store(std::string file, Bounds bounds, std::size_t max_waiting, std::int64_t now, Loaded& loaded);
    ~Store() override;

    void start();
    void stop(); // commits the queue

    bool seen(const AgentRecord&) override;
    bool find(std::string id, Registry::Found) override;
    bool list(Registry::Page, Registry::Listed) override;
    bool forget(std::string id) override;
    bool save(const TaskRecord&, std::function<void(bool)> done) override;
    bool find(std::string id, TaskTable::Found) override;
    bool list(TaskTable::Page, TaskTable::Listed) override;
    bool save(std::vector<Report>) override;
    bool find(std::vector<std::string> agents, ReportTable::Found) override;
    bool save(const MintedToken&, std::function<void(bool)>) override;
    bool remove_token(std::string id, std::function<void(bool)>) override;

    // For the tables in other files. setup() runs at once, before start(); in_commit() runs in the next group
    // commit, on the store's thread, in call order, and `done(ok)` after it; false: queue full.
    void setup(const std::function<void(base::Database&)>& work) { work(*db_); }
    bool in_commit(std::function<void(base::Database&)> work, std::function<void(bool ok)> done);

    bool expire(std::int64_t now); // deletes expired ended tasks, and the oldest beyond the row bounds
    // nullopt: the last commit succeeded, the file is still there, and the disk has space. Queries the file
    // system: do not call it under a contended lock.
    [[nodiscard]] std::optional<base::DiskTrouble> problem() const;
    [[nodiscard]] std::size_t waiting() const;

private:
    struct Tables; // statements; store.cpp
    struct Batch;
    struct Job {
        std::function<void(Tables&)> run;
        std::function<void(bool ok)> done;
        bool query = false; // it only reads
    };

    bool post(Job);
    void run();
    bool commit(std::deque<Job>&, std::vector<TaskBacklog::Waiting>&);
    void probe();

    const std::string file_;
    const Bounds bounds_;
    std::unique_ptr<base::Database> db_;
    base::FileId opened_; // the file of db_
    std::unique_ptr<Tables> tables_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> jobs_;
    TaskBacklog backlog_;
    std::optional<base::DiskTrouble> problem_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace agenthost::hub
