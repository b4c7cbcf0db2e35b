#include "store.hpp"

#include "kit/sqlite.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <utility>

namespace agenthost::hub {

namespace {

constexpr std::size_t group = 256; // rows in one commit
constexpr auto retry_after = std::chrono::seconds{1};

constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS agents(id TEXT PRIMARY KEY, protocol TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    peer TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tasks(id TEXT PRIMARY KEY, agent TEXT NOT NULL, action TEXT NOT NULL, params TEXT NOT NULL,
    state INTEGER NOT NULL, sent INTEGER NOT NULL, bound INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
    expires INTEGER NOT NULL, data TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS tasks_open ON tasks(state) WHERE state < 3;
CREATE INDEX IF NOT EXISTS tasks_expires ON tasks(expires);
CREATE INDEX IF NOT EXISTS tasks_updated ON tasks(updated);
CREATE TABLE IF NOT EXISTS minted_agents(id TEXT PRIMARY KEY, token BLOB NOT NULL, created INTEGER NOT NULL,
    revoked INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minted_tokens(id TEXT PRIMARY KEY, label TEXT NOT NULL, token BLOB NOT NULL,
    created INTEGER NOT NULL) WITHOUT ROWID;
)";
constexpr std::int64_t schema_version = 1;

constexpr const char* task_columns =
    "id, agent, action, params, state, sent, bound, created, updated, expires, data, code, message, detail";

kit::Sha256Digest digest(std::span<const unsigned char> blob)
{
    kit::Sha256Digest d{};
    std::copy_n(blob.begin(), std::min(blob.size(), d.size()), d.begin());
    return d;
}

AgentRecord agent_row(const kit::Statement& row)
{
    return {.id = std::string{row.text(0)},
            .protocol = std::string{row.text(1)},
            .name = std::string{row.text(2)},
            .version = std::string{row.text(3)},
            .peer = std::string{row.text(4)},
            .first_seen = row.integer(5),
            .last_seen = row.integer(6)};
}

TaskRecord task_row(const kit::Statement& row)
{
    return {.id = std::string{row.text(0)},
            .agent = std::string{row.text(1)},
            .action = std::string{row.text(2)},
            .params = std::string{row.text(3)},
            .state = static_cast<TaskState>(std::clamp<std::int64_t>(row.integer(4), 0, 5)),
            .sent = static_cast<int>(row.integer(5)),
            .bound = row.integer(6) != 0,
            .created = row.integer(7),
            .updated = row.integer(8),
            .expires = row.integer(9),
            .data = std::string{row.text(10)},
            .code = std::string{row.text(11)},
            .message = std::string{row.text(12)},
            .detail = std::string{row.text(13)}};
}

} // namespace

struct Store::Tables {
    explicit Tables(kit::Database& database)
        : db{database}, agent_seen{db.prepare(
                            "INSERT INTO agents VALUES(?1,?2,?3,?4,?5,?6,?7) ON CONFLICT(id) DO UPDATE SET "
                            "protocol=?2, name=?3, version=?4, peer=?5, last_seen=max(last_seen, ?7)")},
          agent_find{db.prepare("SELECT * FROM agents WHERE id=?1")},
          agent_list{db.prepare("SELECT * FROM agents WHERE id>?1 ORDER BY id LIMIT ?2")},
          agent_forget{db.prepare("DELETE FROM agents WHERE id=?1")},
          task_save{db.prepare(
              "INSERT OR REPLACE INTO tasks VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)")},
          task_find{db.prepare(std::string{"SELECT "} + task_columns + " FROM tasks WHERE id=?1")},
          task_expire{db.prepare("DELETE FROM tasks WHERE expires<?1 AND state>=3")},
          task_trim{db.prepare(
              "DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE state>=3 ORDER BY updated LIMIT "
              "max(0, (SELECT count(*) FROM tasks) - ?1))")},
          minted_save{db.prepare("INSERT OR REPLACE INTO minted_agents VALUES(?1,?2,?3,?4)")},
          minted_remove{db.prepare("DELETE FROM minted_agents WHERE id=?1")},
          token_save{db.prepare("INSERT OR REPLACE INTO minted_tokens VALUES(?1,?2,?3,?4)")},
          token_remove{db.prepare("DELETE FROM minted_tokens WHERE id=?1")}
    {}
    void save(const TaskRecord& t)
    {
        task_save.bind(1, t.id).bind(2, t.agent).bind(3, t.action);
        // A bound task is not sent again by another process, and its params hold one-time URLs.
        task_save.bind(4, t.bound || final(t.state) ? std::string_view{} : std::string_view{t.params});
        task_save.bind(5, std::int64_t(t.state)).bind(6, std::int64_t{t.sent}).bind(7, std::int64_t{t.bound});
        task_save.bind(8, t.created).bind(9, t.updated).bind(10, t.expires).bind(11, t.data).bind(12, t.code);
        task_save.bind(13, t.message).bind(14, t.detail).run();
    }
    kit::Database& db;
    kit::Statement agent_seen, agent_find, agent_list, agent_forget, task_save, task_find, task_expire,
        task_trim, minted_save, minted_remove, token_save, token_remove;
};

Store::Store(std::string file, std::uint32_t task_rows, std::size_t most_waiting, std::int64_t now,
             Loaded& loaded)
    : task_rows_{task_rows}, most_waiting_{most_waiting}
{
    try {
        db_ = std::make_unique<kit::Database>(file);
        auto version = db_->prepare("PRAGMA user_version");
        version.step();
        if (version.integer(0) > schema_version) {
            throw std::runtime_error{
                file +
                " was written by a newer version of the hub. Upgrade agenthost, or name another file in "
                "plugins.hub.config.database."};
        }
        version.reset();
        db_->exec(schema);
        db_->exec("PRAGMA user_version=1");
        auto orphans = db_->prepare(
            "UPDATE tasks SET state=5, code='INTERRUPTED', message='The hub was restarted meanwhile', "
            "params='', updated=?1 WHERE state<3 AND bound=1");
        orphans.bind(1, now).run();
        auto open = db_->prepare(std::string{"SELECT "} + task_columns +
                                 " FROM tasks WHERE state<3 ORDER BY created");
        while (open.step()) loaded.open_tasks.push_back(task_row(open));
        auto agents = db_->prepare("SELECT id, token, created, revoked FROM minted_agents");
        while (agents.step()) {
            loaded.agents.push_back({std::string{agents.text(0)}, digest(agents.blob(1)), agents.integer(2),
                                     agents.integer(3) != 0});
        }
        auto tokens = db_->prepare("SELECT id, label, token, created FROM minted_tokens");
        while (tokens.step()) {
            loaded.tokens.push_back({std::string{tokens.text(0)}, std::string{tokens.text(1)},
                                     digest(tokens.blob(2)), tokens.integer(3)});
        }
        tables_ = std::make_unique<Tables>(*db_);
    } catch (const kit::SqliteError& e) {
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
        if (stopping_ || jobs_.size() >= queue_bound) return false;
        jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
    return true;
}

void Store::run()
{
    std::unique_lock lock{mutex_};
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !jobs_.empty() || !order_.empty(); });
        if (jobs_.empty() && order_.empty()) return; // stopping, and all is written
        std::deque<Job> jobs;
        std::vector<Waiting> tasks;
        for (; !jobs_.empty() && jobs.size() < group; jobs_.pop_front())
            jobs.push_back(std::move(jobs_.front()));
        const std::size_t most = std::min(order_.size(), group);
        for (std::size_t i = 0; i < most; ++i) {
            auto node = waiting_.extract(order_[i]);
            committing_.emplace(node.key(), node.mapped().task);
            tasks.push_back(std::move(node.mapped()));
        }
        order_.erase(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(most));
        lock.unlock();
        const bool saved = commit(jobs, tasks);
        lock.lock();
        committing_.clear();
        if (saved) continue;
        for (Waiting& w : tasks) {
            for (auto& done : std::exchange(w.done, {})) {
                lock.unlock();
                done(false); // whoever waits hears it now; the record itself is tried again
                lock.lock();
            }
        }
        if (stopping_) return; // the disk refuses; waiting for it would keep the daemon from ending
        put_back(std::move(tasks));
        changed_.wait_for(lock, retry_after, [this] { return stopping_ || !jobs_.empty(); });
    }
}

void Store::put_back(std::vector<Waiting>&& tasks)
{
    for (Waiting& w : tasks) {
        const std::string id = w.task.id;
        if (const auto newer = waiting_.find(id); newer != waiting_.end()) {
            std::move(w.done.begin(), w.done.end(), std::back_inserter(newer->second.done));
        } else {
            waiting_.emplace(id, std::move(w));
            order_.push_back(id);
        }
    }
}

// Tasks and jobs in one commit; when that fails, each job on its own, so that one bad write does not fail the others.
bool Store::commit(std::deque<Job>& jobs, std::vector<Waiting>& tasks)
{
    std::string problem;
    const auto attempt = [&](auto work) {
        try {
            kit::Transaction transaction{*db_};
            work();
            transaction.commit();
            return true;
        } catch (const std::exception& e) {
            problem = e.what();
            return false;
        }
    };
    const auto save_all = [&] {
        for (const Waiting& w : tasks) tables_->save(w.task);
    };
    std::vector<bool> ok(jobs.size(), true);
    bool saved = attempt([&] {
        save_all();
        for (const Job& job : jobs) job.run(*tables_);
    });
    if (!saved) {
        saved = attempt(save_all);
        for (std::size_t i = 0; i < jobs.size(); ++i) ok[i] = attempt([&] { jobs[i].run(*tables_); });
    }
    {
        const std::lock_guard lock{mutex_};
        problem_ = problem;
    }
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (jobs[i].done) jobs[i].done(ok[i]);
    }
    if (saved) {
        for (Waiting& w : tasks) {
            for (auto& done : w.done) done(true);
        }
    }
    return saved;
}

std::string Store::problem() const
{
    const std::lock_guard lock{mutex_};
    return problem_;
}

std::size_t Store::waiting() const
{
    const std::lock_guard lock{mutex_};
    return jobs_.size() + order_.size();
}

bool Store::in_commit(std::function<void(kit::Database&)> work, std::function<void(bool ok)> done)
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
                     t.agent_seen.bind(6, a.first_seen).bind(7, a.last_seen).run();
                 },
                 {}});
}

bool Store::find(std::string id, std::function<void(std::optional<AgentRecord>)> then)
{
    auto found = std::make_shared<std::optional<AgentRecord>>();
    return post({[id = std::move(id), found](Tables& t) {
                     if (t.agent_find.bind(1, id).step()) *found = agent_row(t.agent_find);
                     t.agent_find.reset();
                 },
                 [found, then = std::move(then)](bool) { then(std::move(*found)); }});
}

bool Store::list(std::string after, std::size_t most, std::function<void(std::vector<AgentRecord>)> then)
{
    auto found = std::make_shared<std::vector<AgentRecord>>();
    return post({[after = std::move(after), most, found](Tables& t) {
                     found->clear();
                     t.agent_list.bind(1, after).bind(2, static_cast<std::int64_t>(most));
                     while (t.agent_list.step()) found->push_back(agent_row(t.agent_list));
                     t.agent_list.reset();
                 },
                 [found, then = std::move(then)](bool) { then(std::move(*found)); }});
}

bool Store::forget(std::string id)
{
    return post({[id = std::move(id)](Tables& t) { t.agent_forget.bind(1, id).run(); }, {}});
}

bool Store::save(const TaskRecord& task, std::function<void(bool)> done)
{
    {
        const std::lock_guard lock{mutex_};
        if (stopping_) return false;
        auto it = waiting_.find(task.id);
        if (it == waiting_.end()) {
            if (waiting_.size() >= most_waiting_ && !final(task.state)) return false;
            it = waiting_.emplace(task.id, Waiting{}).first;
            order_.push_back(task.id);
        }
        it->second.task = task;
        if (done) it->second.done.push_back(std::move(done));
    }
    changed_.notify_one();
    return true;
}

bool Store::find(std::string id, std::function<void(std::optional<TaskRecord>)> then)
{
    auto found = std::make_shared<std::optional<TaskRecord>>();
    return post({[this, id = std::move(id), found](Tables& t) {
                     {
                         const std::lock_guard lock{mutex_};
                         if (const auto it = waiting_.find(id); it != waiting_.end())
                             *found = it->second.task;
                         else if (const auto same = committing_.find(id); same != committing_.end())
                             *found = same->second;
                     }
                     if (*found) return;
                     if (t.task_find.bind(1, id).step()) *found = task_row(t.task_find);
                     t.task_find.reset();
                 },
                 [found, then = std::move(then)](bool) { then(std::move(*found)); }});
}

bool Store::save(const MintedAgent& a, std::function<void(bool)> done)
{
    return post({[a](Tables& t) {
                     t.minted_save.bind(1, a.id)
                         .bind_blob(2, a.token)
                         .bind(3, a.created)
                         .bind(4, std::int64_t{a.revoked})
                         .run();
                 },
                 std::move(done)});
}

bool Store::remove_agent(std::string id, std::function<void(bool)> done)
{
    return post({[id = std::move(id)](Tables& t) { t.minted_remove.bind(1, id).run(); }, std::move(done)});
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
                     t.task_trim.bind(1, std::int64_t{task_rows_}).run();
                 },
                 {}});
}

} // namespace agenthost::hub
