#include "statements.hpp"

#include <algorithm>
#include <cerrno>
#include <span>
#include <stdexcept>
#include <utility>

namespace agenthost::hub {

namespace {

constexpr std::size_t group = 256; // of each, jobs and tasks, in one commit
constexpr auto retry_after = std::chrono::seconds{1};
constexpr std::uint64_t min_free = 1 << 20; // with less, one of the next commits will fail
constexpr const char* remedy = "name a file on another disk in plugins.hub.config.database";

base::Sha256Digest digest(std::span<const unsigned char> blob)
{
    base::Sha256Digest d{};
    std::copy_n(blob.begin(), std::min(blob.size(), d.size()), d.begin());
    return d;
}

} // namespace

// The work of one commit: tasks and jobs that write in one transaction, then the queries.
struct Store::Batch {
    base::Database& db;
    Tables& tables;
    const std::string& file;
    const base::FileId& opened;
    std::deque<Job>& jobs;
    std::vector<TaskBacklog::Waiting>& tasks;
    std::vector<bool> ok; // of each job
    std::optional<base::DiskTrouble> problem = {};
    bool locked = false; // by another process: each further attempt would wait for the busy timeout again

    [[nodiscard]] bool writes() const
    {
        return !tasks.empty() || std::ranges::any_of(jobs, [](const Job& job) { return !job.query; });
    }
    // False: the database refused, and `problem` says why.
    bool attempt(const std::function<void()>& work)
    {
        try {
            work();
            return true;
        } catch (const base::SqliteError& e) {
            problem = base::disk_trouble(e, file, remedy);
            locked = e.locked();
        } catch (const std::exception& e) {
            problem = base::DiskTrouble{"INTERNAL", file + ": " + e.what() + "."};
        }
        return false;
    }
    bool transaction(const std::function<void()>& work)
    {
        return attempt([&] {
            base::Transaction transaction{db};
            work();
            transaction.commit();
        });
    }
    void save_tasks()
    {
        for (const TaskBacklog::Waiting& w : tasks) tables.save(w.task);
        tables.results.trim();
    }
    // Everything together; if that fails, the tasks and each job separately, so that one bad write does not
    // fail the others. Returns whether the tasks were saved.
    bool write()
    {
        if ((problem = base::file_gone(file, opened))) {
            for (std::size_t i = 0; i < jobs.size(); ++i) ok[i] = jobs[i].query;
            return false;
        }
        const bool together = transaction([&] {
            save_tasks();
            for (const Job& job : jobs) {
                if (!job.query) job.run(tables);
            }
        });
        if (together) return true;
        const bool saved = !locked && transaction([&] { save_tasks(); });
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            if (!jobs[i].query) ok[i] = !locked && transaction([&] { jobs[i].run(tables); });
        }
        return saved;
    }
    void read()
    {
        locked = false; // for a writer, perhaps not for a reader
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            if (jobs[i].query) ok[i] = !locked && attempt([&] { jobs[i].run(tables); });
        }
    }
};

Store::Store(std::string file, Bounds bounds, std::size_t max_waiting, std::int64_t now, Loaded& loaded)
    : file_{file}, bounds_{bounds}, backlog_{max_waiting}
{
    try {
        db_ = std::make_unique<base::Database>(file);
        db_->exec("PRAGMA locking_mode=EXCLUSIVE"); // one hub for each database
        opened_ = base::file_id(file).value_or(base::FileId{});
        Tables::upgrade(*db_, file);
        auto orphans = db_->prepare(
            "UPDATE tasks SET state=5, code='INTERRUPTED', message='The hub was restarted meanwhile', "
            "params='', updated=?1 WHERE state<3 AND bound=1");
        orphans.bind(1, now).run();
        auto open = db_->prepare(Tables::tasks_where("state<3 ORDER BY created"));
        while (open.step()) loaded.open_tasks.push_back(Tables::task(open));
        auto configs = db_->prepare(Tables::tasks_where("confirmed<0 ORDER BY updated"));
        while (configs.step()) loaded.unconfirmed.push_back(Tables::task(configs));
        auto tokens = db_->prepare("SELECT id, label, token, created FROM minted_tokens");
        while (tokens.step()) {
            loaded.tokens.push_back({std::string{tokens.text(0)}, std::string{tokens.text(1)},
                                     digest(tokens.blob(2)), tokens.integer(3)});
        }
        tables_ = std::make_unique<Tables>(*db_, bounds_.result_bytes);
    } catch (const base::SqliteError& e) {
        if (e.locked())
            throw std::runtime_error{"hub: another process has its database open: " + file +
                                     ". Stop the other agenthost, or name another file in "
                                     "plugins.hub.config.database."};
        throw std::runtime_error{
            std::string{"hub: cannot use its database: "} + e.what() +
            ". Check that the folder exists and belongs to the daemon's user, or name another file in "
            "plugins.hub.config.database."};
    }
}

Store::~Store() { stop(); }

void Store::start()
{
    thread_ = std::thread{[this] { run(); }};
}

void Store::stop()
{
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool Store::post(Job job)
{
    {
        const std::lock_guard lock{mutex_};
        if (stopping_ || jobs_.size() >= max_jobs) return false;
        jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
    return true;
}

void Store::run()
{
    std::unique_lock lock{mutex_};
    for (;;) {
        const auto due = [this] { return stopping_ || !jobs_.empty() || !backlog_.empty(); };
        if (!problem_)
            changed_.wait(lock, due);
        else if (!changed_.wait_for(lock, retry_after, due)) { // check whether the problem is over
            lock.unlock();
            probe();
            lock.lock();
            continue;
        }
        if (jobs_.empty() && backlog_.empty()) return; // stopping, and all is written
        std::deque<Job> jobs;
        for (; !jobs_.empty() && jobs.size() < group; jobs_.pop_front())
            jobs.push_back(std::move(jobs_.front()));
        std::vector<TaskBacklog::Waiting> tasks = backlog_.begin_commit(group);
        lock.unlock();
        const bool saved = commit(jobs, tasks);
        lock.lock();
        backlog_.end_commit();
        if (saved) continue;
        for (TaskBacklog::Waiting& w : tasks) {
            for (auto& done : std::exchange(w.done, {})) {
                lock.unlock();
                done(false); // report the failure now; the record itself is tried again
                lock.lock();
            }
        }
        if (stopping_) return; // the disk refuses, and waiting for it would block the daemon's exit
        backlog_.put_back(std::move(tasks));
        changed_.wait_for(lock, retry_after, [this] { return stopping_ || !jobs_.empty(); });
    }
}

bool Store::commit(std::deque<Job>& jobs, std::vector<TaskBacklog::Waiting>& tasks)
{
    Batch batch{*db_, *tables_, file_, opened_, jobs, tasks, std::vector<bool>(jobs.size(), true)};
    const bool writes = batch.writes();
    const bool saved = !writes || batch.write();
    batch.read();
    if (writes || batch.problem) { // a query that succeeds does not prove that writing works again
        const std::lock_guard lock{mutex_};
        problem_ = batch.problem;
    }
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (jobs[i].done) jobs[i].done(batch.ok[i]);
    }
    if (saved) {
        for (TaskBacklog::Waiting& w : tasks) {
            for (auto& done : w.done) done(true);
        }
    }
    return saved;
}

// On the store's thread. Tests with a real write, because the problem may have changed.
void Store::probe()
{
    std::deque<Job> one;
    one.push_back({[](Tables& t) {
                       auto version = t.db.prepare("PRAGMA user_version");
                       version.step();
                       const auto now = version.integer(0);
                       version.reset();
                       t.db.exec(("PRAGMA user_version = " + std::to_string(now)).c_str()); // writes a page
                   },
                   {}});
    std::vector<TaskBacklog::Waiting> none;
    commit(one, none);
}

std::optional<base::DiskTrouble> Store::problem() const
{
    if (auto gone = base::file_gone(file_, opened_)) return gone;
    {
        const std::lock_guard lock{mutex_};
        if (problem_) return problem_;
    }
    const auto space = base::disk_space(file_);
    if (space && space->read_only) return base::disk_trouble(EROFS, file_, remedy);
    if (space && space->bytes < min_free) return base::disk_trouble(ENOSPC, file_, remedy);
    return std::nullopt;
}

std::size_t Store::waiting() const
{
    const std::lock_guard lock{mutex_};
    return jobs_.size() + backlog_.size();
}

bool Store::in_commit(std::function<void(base::Database&)> work, std::function<void(bool ok)> done)
{
    return post({[work = std::move(work)](Tables& t) { work(t.db); }, std::move(done)});
}

bool Store::seen(const AgentRecord& a)
{
    return post({[a](Tables& t) {
                     t.agent_seen.bind(1, a.id)
                         .bind(2, a.protocol)
                         .bind(3, a.name)
                         .bind(4, a.version)
                         .bind(5, a.peer);
                     t.agent_seen.bind(6, a.first_seen).bind(7, a.last_seen);
                     t.agent_seen.bind(8, a.platform).bind(9, a.capabilities).run();
                 },
                 {}});
}

bool Store::find(std::string id, Registry::Found then)
{
    auto found = std::make_shared<std::optional<AgentRecord>>();
    return post({.run =
                     [id = std::move(id), found](Tables& t) {
                         if (t.agent_find.bind(1, id).step()) *found = Tables::agent(t.agent_find);
                         t.agent_find.reset();
                     },
                 .done = [found, then = std::move(then)](bool ok) { then(ok, std::move(*found)); },
                 .query = true});
}

bool Store::list(Registry::Page page, Registry::Listed then)
{
    auto found = std::make_shared<std::vector<AgentRecord>>();
    return post({.run =
                     [page = std::move(page), found](Tables& t) {
                         if (page.among) return t.list_among(page, *found);
                         base::Statement& list = page.protocol.empty() ? t.agent_list : t.agent_list_of;
                         list.bind(1, page.after).bind(2, static_cast<std::int64_t>(page.max_rows));
                         if (!page.protocol.empty()) list.bind(3, page.protocol);
                         while (list.step()) found->push_back(Tables::agent(list));
                         list.reset();
                     },
                 .done = [found, then = std::move(then)](bool ok) { then(ok, std::move(*found)); },
                 .query = true});
}

bool Store::forget(std::string id)
{
    return post({[id = std::move(id)](Tables& t) { t.agent_forget.bind(1, id).run(); }, {}});
}

bool Store::save(const TaskRecord& task, std::function<void(bool)> done)
{
    {
        const std::lock_guard lock{mutex_};
        if (stopping_ || !backlog_.save(task, std::move(done))) return false;
    }
    changed_.notify_one();
    return true;
}

bool Store::find(std::string id, TaskTable::Found then)
{
    auto found = std::make_shared<std::optional<TaskRecord>>();
    return post({.run =
                     [this, id = std::move(id), found](Tables& t) {
                         {
                             const std::lock_guard lock{mutex_};
                             if (const TaskRecord* newest = backlog_.find(id)) *found = *newest;
                         }
                         if (*found) return;
                         if (t.task_find.bind(1, id).step()) *found = Tables::task(t.task_find);
                         t.task_find.reset();
                     },
                 .done = [found, then = std::move(then)](bool ok) { then(ok, std::move(*found)); },
                 .query = true});
}

bool Store::list(TaskTable::Page page, TaskTable::Listed then)
{
    struct Found {
        std::vector<TaskRecord> rows;
        bool more = false;
    };
    auto found = std::make_shared<Found>();
    return post(
        {.run =
             [page = std::move(page), found](Tables& t) {
                 base::Statement& list = t.shop_list;
                 list.bind(1, page.shop).bind(2, page.created).bind(3, page.id);
                 for (std::size_t bytes = 0; !found->more && list.step();) {
                     TaskRecord row = Tables::task(list);
                     if (page.wanted && !page.wanted(row)) continue;
                     row.params.clear(); // of open ones; nobody shows them
                     bytes += row.data.size();
                     found->more =
                         found->rows.size() >= page.max_rows || (bytes > page_bytes && !found->rows.empty());
                     if (!found->more) found->rows.push_back(std::move(row));
                 }
                 list.reset();
             },
         .done = [found, then = std::move(then)](bool ok) { then(ok, std::move(found->rows), found->more); },
         .query = true});
}

bool Store::save(std::vector<Report> reports)
{
    return post({[reports = std::move(reports)](Tables& t) {
                     for (const Report& r : reports)
                         t.report_save.bind(1, r.agent).bind(2, r.kind).bind(3, r.at).bind(4, r.json).run();
                 },
                 {}});
}

bool Store::find(std::vector<std::string> agents, ReportTable::Found then)
{
    auto found = std::make_shared<std::vector<Report>>();
    return post({.run =
                     [agents = std::move(agents), found](Tables& t) {
                         for (const std::string& agent : agents) {
                             t.report_find.bind(1, agent);
                             while (t.report_find.step()) {
                                 found->push_back({agent, std::string{t.report_find.text(0)},
                                                   t.report_find.integer(1),
                                                   std::string{t.report_find.text(2)}});
                             }
                             t.report_find.reset();
                         }
                     },
                 .done = [found, then = std::move(then)](bool ok) { then(ok, std::move(*found)); },
                 .query = true});
}

bool Store::save(const MintedToken& m, std::function<void(bool)> done)
{
    return post(
        {[m](Tables& t) {
             t.token_save.bind(1, m.id).bind(2, m.label).bind_blob(3, m.token).bind(4, m.created).run();
         },
         std::move(done)});
}

bool Store::remove_token(std::string id, std::function<void(bool)> done)
{
    return post({[id = std::move(id)](Tables& t) { t.token_remove.bind(1, id).run(); }, std::move(done)});
}

bool Store::expire(std::int64_t now)
{
    return post({[this, now](Tables& t) {
                     t.task_expire.bind(1, now).run();
                     t.shop_trim.bind(1, shop_rows).run();
                     t.task_trim.bind(1, std::int64_t{bounds_.task_rows}).run();
                     t.agent_trim.bind(1, agent_rows).run();
                     t.report_trim.run();
                 },
                 {}});
}

} // namespace agenthost::hub
