#include "store.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>

namespace agenthost::printer::store {

namespace {

using job::Outcome;
using job::State;

constexpr std::string_view columns =
    "SELECT id, printer, server, task, request, kind, copy_of, size, commit_at, created_ms, ended_ms, state, "
    "outcome, taken, attempts, doubt, code, message, meta FROM jobs ";

std::string query(std::string_view rest) { return std::string{columns}.append(rest); }

Job read(const base::Statement& row)
{
    Job out;
    out.id = static_cast<job::JobId>(row.integer(0));
    out.printer = row.text(1);
    out.server = row.text(2);
    out.task = row.text(3);
    const auto request = row.blob(4);
    std::copy_n(request.begin(), std::min(request.size(), out.request.size()), out.request.begin());
    out.kind = row.text(5);
    out.copy_of = static_cast<job::JobId>(row.integer(6));
    out.size = static_cast<std::uint64_t>(row.integer(7));
    out.commit_at = static_cast<std::uint64_t>(row.integer(8));
    out.created_ms = row.integer(9);
    out.ended_ms = row.integer(10);
    job::Progress& progress = out.progress;
    // Unknown values of a damaged row: the answer that makes nobody print it again.
    const auto state = std::clamp<std::int64_t>(row.integer(11), 0, static_cast<std::int64_t>(State::ended));
    progress.state = static_cast<State>(state);
    const auto outcome =
        std::clamp<std::int64_t>(row.integer(12), 0, static_cast<std::int64_t>(Outcome::unknown));
    progress.outcome = static_cast<Outcome>(outcome);
    progress.taken = static_cast<std::uint64_t>(row.integer(13));
    progress.attempts = static_cast<std::uint32_t>(row.integer(14));
    progress.doubt = row.integer(15) != 0;
    progress.problem = {std::string{row.text(16)}, std::string{row.text(17)}};
    out.meta = row.text(18);
    return out;
}

std::span<const unsigned char> bytes_of(std::string_view text)
{
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

} // namespace

Store::Store(const std::string& file)
    : db_{open_database(file)},
      add_{db_.prepare("INSERT INTO jobs(printer, server, task, request, kind, copy_of, size, commit_at, "
                       "created_ms, meta) VALUES(?,?,?,?,?,?,?,?,?,?)")},
      put_content_{db_.prepare("INSERT INTO contents(job, bytes, sha256) VALUES(?,?,?)")},
      save_{db_.prepare("UPDATE jobs SET state=?2, outcome=?3, taken=?4, attempts=?5, doubt=?6, code=?7, "
                        "message=?8, ended_ms=?9 WHERE id=?1 AND state<4")},
      mark_{db_.prepare("UPDATE jobs SET taken=?2 WHERE id=?1 AND state<4")},
      find_task_{db_.prepare(query("WHERE server=? AND task=? AND task<>''"))},
      find_{db_.prepare(query("WHERE id=?"))}, content_{db_.prepare(
                                                   "SELECT bytes, sha256 FROM contents WHERE job=?")}
{}

Added Store::add(Job job, std::string_view content)
{
    if (auto found = known(job)) return std::move(*found);
    // Nothing is on paper of a job that had this id: the same id may run again.
    if (!job.task.empty())
        db_.prepare("UPDATE jobs SET task='' WHERE server=? AND task=?")
            .bind(1, job.server)
            .bind(2, job.task)
            .run();
    job.size = content.size();
    add_.bind(1, job.printer).bind(2, job.server).bind(3, job.task).bind_blob(4, job.request);
    add_.bind(5, job.kind).bind(6, static_cast<std::int64_t>(job.copy_of));
    add_.bind(7, static_cast<std::int64_t>(job.size)).bind(8, static_cast<std::int64_t>(job.commit_at));
    add_.bind(9, job.created_ms).bind(10, job.meta).run();
    job.id = static_cast<job::JobId>(db_.last_insert_id());
    put_content_.bind(1, db_.last_insert_id()).bind_blob(2, bytes_of(content));
    put_content_.bind_blob(3, base::sha256(content)).run();
    return {std::move(job), false, false};
}

std::optional<Added> Store::known(const Job& job)
{
    if (job.task.empty()) return std::nullopt;
    auto found = find(job.server, job.task);
    if (!found || found->progress.outcome == Outcome::not_started) return std::nullopt;
    const bool same = found->request == job.request;
    return Added{std::move(*found), true, !same};
}

void Store::save(job::JobId id, const job::Progress& progress, std::int64_t now_ms)
{
    save_.bind(1, static_cast<std::int64_t>(id)).bind(2, static_cast<std::int64_t>(progress.state));
    save_.bind(3, static_cast<std::int64_t>(progress.outcome));
    save_.bind(4, static_cast<std::int64_t>(progress.taken)).bind(5, std::int64_t{progress.attempts});
    save_.bind(6, std::int64_t{progress.doubt}).bind(7, progress.problem.code);
    save_.bind(8, progress.problem.message);
    save_.bind(9, progress.state == State::ended ? now_ms : 0).run();
}

void Store::mark(job::JobId id, std::uint64_t taken)
{
    mark_.bind(1, static_cast<std::int64_t>(id)).bind(2, static_cast<std::int64_t>(taken)).run();
}

void Store::set_dirty(const std::string& printer, std::optional<std::uint64_t> missing)
{
    auto put = db_.prepare("INSERT INTO printers(key, dirty) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET "
                           "dirty=excluded.dirty");
    put.bind(1, printer);
    if (missing)
        put.bind(2, static_cast<std::int64_t>(*missing));
    else
        put.bind_null(2);
    put.run();
}

Store::Loaded Store::load()
{
    Loaded out;
    try {
        auto jobs = db_.prepare(query("WHERE state<4 ORDER BY id"));
        while (jobs.step()) out.open.push_back(read(jobs));
        auto dirty = db_.prepare("SELECT key, dirty FROM printers WHERE dirty IS NOT NULL");
        while (dirty.step()) out.dirty.emplace(dirty.text(0), static_cast<std::uint64_t>(dirty.integer(1)));
        auto settings = db_.prepare("SELECT key, value FROM settings");
        while (settings.step()) out.settings.emplace(settings.text(0), settings.text(1));
    } catch (const base::SqliteError& error) {
        if ((error.code() & 0xff) == SQLITE_CORRUPT) throw Damaged{error.what()};
        throw;
    }
    return out;
}

std::optional<Job> Store::find(job::JobId id)
{
    find_.reset();
    find_.bind(1, static_cast<std::int64_t>(id));
    std::optional<Job> out;
    if (find_.step()) out = read(find_);
    find_.reset();
    return out;
}

std::optional<Job> Store::find(std::string_view server, std::string_view task)
{
    find_task_.reset();
    find_task_.bind(1, server).bind(2, task);
    std::optional<Job> out;
    if (find_task_.step()) out = read(find_task_);
    find_task_.reset();
    return out;
}

std::vector<Job> Store::list(const Filter& wanted, std::size_t limit)
{
    auto rows =
        db_.prepare(query("WHERE (?1='' OR printer=?1) AND (?2='' OR server=?2) AND (?3=0 OR state<4) "
                          "ORDER BY id DESC LIMIT ?4"));
    rows.bind(1, wanted.printer).bind(2, wanted.server).bind(3, std::int64_t{wanted.open_only});
    rows.bind(4, static_cast<std::int64_t>(limit));
    std::vector<Job> out;
    while (rows.step()) out.push_back(read(rows));
    return out;
}

std::optional<std::string> Store::content(job::JobId id)
{
    content_.reset();
    content_.bind(1, static_cast<std::int64_t>(id));
    std::optional<std::string> out;
    if (content_.step()) {
        const auto bytes = content_.blob(0);
        out.emplace(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        const auto digest = base::sha256(*out);
        if (!std::ranges::equal(content_.blob(1), digest)) out.reset();
    }
    content_.reset();
    return out;
}

void Store::put_setting(std::string_view key, std::string_view value)
{
    auto put = db_.prepare("INSERT INTO settings(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET "
                           "value=excluded.value");
    put.bind(1, key).bind(2, value).run();
}

void Store::expire()
{
    db_.prepare("DELETE FROM jobs WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY "
                "printer ORDER BY id DESC) AS place, row_number() OVER (ORDER BY id DESC) AS place_of_all "
                "FROM jobs WHERE state=4) WHERE place>?1 OR place_of_all>?2)")
        .bind(1, keep_jobs)
        .bind(2, keep_all_jobs)
        .run();
    // Of jobs that still have bytes: the others take no space.
    db_.prepare("DELETE FROM contents WHERE job IN (SELECT id FROM (SELECT id, sum(size) OVER (PARTITION BY "
                "printer ORDER BY id DESC) AS bytes, sum(size) OVER (ORDER BY id DESC) AS bytes_of_all "
                "FROM jobs WHERE state=4 AND id IN (SELECT job FROM contents)) WHERE bytes>?1 OR "
                "bytes_of_all>?2)")
        .bind(1, keep_bytes)
        .bind(2, keep_all_bytes)
        .run();
}

Opened open_store(const std::string& file)
{
    try {
        auto store = std::make_unique<Store>(file);
        auto content = store->load();
        return {std::move(store), std::move(content), {}};
    } catch (const Damaged& damage) {
        const std::string aside = move_aside(file);
        return {std::make_unique<Store>(file),
                {},
                problem(code::store_damaged, "The queue's database was damaged (" +
                                                 std::string{damage.what()} + ") and is kept as " + aside +
                                                 "; the plugin began with an empty one")
                    .message};
    }
}

} // namespace agenthost::printer::store
