#include "journal_store.hpp"

#include "wire/codes.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <stdexcept>

namespace agenthost::host {

namespace {

constexpr int schema_version = 2;
constexpr std::size_t page_bytes = 4 << 20;
constexpr std::int64_t row_bytes = 256; // of a row beside its texts: columns, keys in two indexes
constexpr std::int64_t brief_seconds =
    120;                                // a peer that lost the answer asks again within its next connection
constexpr std::int64_t trim_rows = 256; // at a time

enum State : std::int64_t { running = 0, finished = 1, interrupted = 2 };

constexpr const char* interrupted_message =
    "the agent stopped while this was running: it may have been done in part";
constexpr const char* interrupted_detail = "Look at what was done before sending it again under a new id.";

std::int64_t seconds(std::chrono::system_clock::time_point at)
{
    return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

base::Database open_database(const std::filesystem::path& file)
{
    try {
        return base::Database{file.string()};
    } catch (const base::SqliteError& e) {
        const int primary = e.code() & 0xff;
        std::string text = "journal " + file.string() + ": " + e.what() + ". ";
        if (primary == SQLITE_NOTADB || primary == SQLITE_CORRUPT)
            text += "The file is damaged: restore it from a backup, or move it (with its -wal and -shm) away "
                    "to start with an empty journal; "
                    "the record of finished work is lost with it.";
        else if (primary == SQLITE_BUSY)
            throw std::runtime_error{
                "journal " + file.string() +
                ": another process has it open. Stop the other agenthost, or give this one "
                "an agent.state_dir of its own."};
        else if (e.disk_full())
            text += "Free space on that file system.";
        else
            text +=
                "Check that the folder exists and that the daemon's user may write the file and its folder.";
        throw std::runtime_error{text};
    }
}

wire::Outcome outcome_of(std::int64_t value)
{
    return value >= 0 && value <= static_cast<std::int64_t>(wire::Outcome::interrupted)
               ? static_cast<wire::Outcome>(value)
               : wire::Outcome::unknown;
}

} // namespace

JournalStore::JournalStore(const Journal::Options& options)
    : options_{options}, db_{open_database(options.file)}
{
    try {
        db_.exec("PRAGMA locking_mode=EXCLUSIVE"); // one daemon a journal
        check_version(options.file.string());
        prepare();
        mark_interrupted(seconds(options.clock()));
        count();
        base::Transaction transaction{db_};
        expire(seconds(options.clock()));
        transaction.commit();
        changes_.clear();
        committed_undelivered_ = undelivered_;
        committed_brief_ = brief_rows_;
    } catch (const base::SqliteError& e) {
        throw std::runtime_error{"journal " + options.file.string() + ": " + e.what() +
                                 ". The file is damaged or the disk is full: free space, restore it from a "
                                 "backup, or move it (with its -wal "
                                 "and -shm) away to start with an empty journal."};
    }
}

void JournalStore::check_version(const std::string& file)
{
    auto version = db_.prepare("PRAGMA user_version");
    version.step();
    const auto found = version.integer(0);
    version.reset();
    if (found > schema_version)
        throw std::runtime_error{"journal " + file + ": its layout is version " + std::to_string(found) +
                                 ", this agenthost knows " + std::to_string(schema_version) +
                                 ". Run the newer agenthost that wrote it, or move the file away to start "
                                 "with an empty journal; the record of finished work is lost with it."};
    if (found == 0) create();
    if (found == 1) upgrade();
}

void JournalStore::upgrade()
{
    base::Transaction transaction{db_};
    db_.exec("ALTER TABLE journal ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0");
    db_.exec("ALTER TABLE journal ADD COLUMN brief INTEGER NOT NULL DEFAULT 0");
    db_.exec("UPDATE journal SET bytes = 256 + length(id) + length(action) + ifnull(length(data), 0)"
             " + ifnull(length(message), 0) + ifnull(length(detail), 0) + ifnull(length(error_data), 0)");
    db_.exec("CREATE INDEX journal_brief ON journal(caller, finished) WHERE brief = 1");
    db_.exec("PRAGMA user_version = 2");
    transaction.commit();
}

void JournalStore::create()
{
    base::Transaction transaction{db_};
    // `digest` tells the same command from another under the same id; `sequence` is the order of finishing,
    // null while running.
    db_.exec(
        "CREATE TABLE journal(row INTEGER PRIMARY KEY, caller TEXT NOT NULL, id TEXT NOT NULL, digest "
        "BLOB NOT NULL,"
        " action TEXT NOT NULL, state INTEGER NOT NULL, created INTEGER NOT NULL, finished INTEGER, "
        "sequence INTEGER,"
        " delivered INTEGER NOT NULL DEFAULT 0, outcome INTEGER, data TEXT, code TEXT, message TEXT, "
        "detail TEXT, error_data TEXT, bytes INTEGER NOT NULL DEFAULT 0, brief INTEGER NOT NULL DEFAULT 0)");
    db_.exec("CREATE UNIQUE INDEX journal_key ON journal(caller, id)");
    db_.exec("CREATE INDEX journal_outbox ON journal(caller, sequence) WHERE delivered = 0 AND sequence IS "
             "NOT NULL");
    db_.exec("CREATE INDEX journal_running ON journal(row) WHERE state = 0");
    db_.exec("CREATE INDEX journal_brief ON journal(caller, finished) WHERE brief = 1");
    db_.exec("PRAGMA user_version = 2");
    transaction.commit();
}

void JournalStore::prepare()
{
    insert_ = db_.prepare(
        "INSERT INTO journal(row, caller, id, digest, action, state, created, bytes) VALUES(?,?,?,?,?,0,?,?)"
        " ON CONFLICT(caller, id) DO NOTHING");
    find_ = db_.prepare(
        "SELECT row, action, outcome, data, code, message, detail, error_data, id, digest, state FROM journal"
        " WHERE caller = ? AND id = ?");
    rerun_ = db_.prepare("UPDATE journal SET row = ?, state = 0, sequence = NULL, finished = NULL, delivered "
                         "= 0, outcome = NULL, code = NULL,"
                         " message = NULL, detail = NULL WHERE row = ? AND state = 2 RETURNING 1");
    finish_ =
        db_.prepare("UPDATE journal SET state = 1, finished = ?, sequence = ?, delivered = 0, outcome "
                    "= ?, data = ?, code = ?,"
                    " message = ?, detail = ?, error_data = ?, bytes = bytes + ?, brief = ? WHERE row = ? "
                    "AND state = 0 RETURNING caller");
    remove_ =
        db_.prepare("DELETE FROM journal WHERE row = ? AND state = 0 RETURNING caller, bytes, 0, brief");
    delivered_statement_ = db_.prepare("UPDATE journal SET delivered = 1 WHERE row = ? AND delivered = 0 AND "
                                       "sequence IS NOT NULL RETURNING 1");
    replace_ = db_.prepare("UPDATE journal SET outcome = ?, data = NULL, code = ?, message = ?, detail = ?, "
                           "error_data = NULL WHERE row = ? AND state <> 0");
    page_ = db_.prepare(
        "SELECT row, action, outcome, data, code, message, detail, error_data, id, sequence FROM journal"
        " WHERE caller = ? AND delivered = 0 AND sequence IS NOT NULL AND sequence > ? ORDER BY sequence "
        "LIMIT ?");
    constexpr auto returning = " RETURNING caller, bytes, delivered = 0 AND sequence IS NOT NULL, brief";
    expire_ = db_.prepare(std::string{"DELETE FROM journal WHERE state <> 0 AND finished <= ?"} + returning);
    expire_brief_ = db_.prepare(
        std::string{"DELETE FROM journal WHERE brief = 1 AND delivered = 1 AND finished <= ?"} + returning);
    trim_ = db_.prepare(
        std::string{"DELETE FROM journal WHERE row IN (SELECT row FROM journal WHERE caller = ? AND "
                    "brief = 1 AND delivered = 1 ORDER BY finished LIMIT ?)"} +
        returning);
}

void JournalStore::mark_interrupted(std::int64_t now)
{
    auto next = db_.prepare("SELECT ifnull(max(row), 0) + 1 FROM journal");
    next.step();
    next_row_ = static_cast<std::uint64_t>(next.integer(0));
    next.reset();
    // Only undelivered rows have a place to keep; the partial index makes this a look at them alone.
    auto sequence = db_.prepare(
        "SELECT ifnull(max(sequence), 0) + 1 FROM journal WHERE delivered = 0 AND sequence IS NOT NULL");
    sequence.step();
    next_sequence_ = static_cast<std::uint64_t>(sequence.integer(0));
    sequence.reset();

    base::Transaction transaction{db_};
    std::vector<std::int64_t> ran;
    auto was_running = db_.prepare("SELECT row FROM journal WHERE state = 0 ORDER BY row");
    while (was_running.step()) ran.push_back(was_running.integer(0));
    was_running.reset();
    auto mark = db_.prepare("UPDATE journal SET state = 2, finished = ?, sequence = ?, delivered = 0, "
                            "outcome = ?, code = ?, message = ?,"
                            " detail = ? WHERE row = ?");
    for (const auto row : ran) {
        mark.bind(1, now).bind(2, static_cast<std::int64_t>(next_sequence_++));
        mark.bind(3, static_cast<std::int64_t>(wire::Outcome::interrupted)).bind(4, wire::code::interrupted);
        mark.bind(5, std::string_view{interrupted_message})
            .bind(6, std::string_view{interrupted_detail})
            .bind(7, row)
            .run();
    }
    transaction.commit();
}

void JournalStore::count()
{
    auto rows = db_.prepare("SELECT caller, count(*), sum(bytes), sum(brief) FROM journal GROUP BY caller");
    while (rows.step()) {
        Usage& usage = usage_of(rows.text(0));
        usage.rows = static_cast<std::uint64_t>(rows.integer(1));
        usage.bytes = static_cast<std::uint64_t>(rows.integer(2));
        rows_ += usage.rows;
        bytes_ += usage.bytes;
        brief_rows_ += static_cast<std::uint64_t>(rows.integer(3));
    }
    rows.reset();
    auto waiting = db_.prepare("SELECT count(*) FROM journal WHERE delivered = 0 AND sequence IS NOT NULL");
    waiting.step();
    undelivered_ = committed_undelivered_ = static_cast<std::uint64_t>(waiting.integer(0));
    committed_brief_ = brief_rows_;
}

void JournalStore::commit()
{
    if (options_.before_commit) options_.before_commit();
    db_.exec("COMMIT");
    changes_.clear();
    committed_undelivered_ = undelivered_;
    committed_brief_ = brief_rows_;
    for (const auto row : paid_) owed_.erase(row);
    paid_.clear();
}

void JournalStore::roll_back() noexcept
{
    sqlite3_exec(db_.raw(), "ROLLBACK", nullptr, nullptr,
                 nullptr); // fails only when SQLite rolled back on its own
    for (const Change& c : changes_) {
        c.usage->rows -= static_cast<std::uint64_t>(c.rows);
        c.usage->bytes -= static_cast<std::uint64_t>(c.bytes);
        rows_ -= static_cast<std::uint64_t>(c.rows);
        bytes_ -= static_cast<std::uint64_t>(c.bytes);
    }
    changes_.clear();
    undelivered_ = committed_undelivered_;
    brief_rows_ = committed_brief_;
    paid_.clear();
}

// ---- shares

JournalStore::Usage& JournalStore::usage_of(std::string_view caller)
{
    const auto at = usage_.find(caller);
    return at != usage_.end() ? at->second : usage_[std::string{caller}];
}

void JournalStore::change(std::string_view caller, std::int64_t rows, std::int64_t bytes)
{
    Usage& usage = usage_of(caller);
    usage.rows += static_cast<std::uint64_t>(rows);
    usage.bytes += static_cast<std::uint64_t>(bytes);
    rows_ += static_cast<std::uint64_t>(rows);
    bytes_ += static_cast<std::uint64_t>(bytes);
    changes_.push_back({&usage, rows, bytes});
}

void JournalStore::removed(base::Statement& rows)
{
    while (rows.step()) {
        change(rows.text(0), -1, -rows.integer(1));
        if (rows.integer(2) != 0 && undelivered_ > 0) --undelivered_;
        if (rows.integer(3) != 0 && brief_rows_ > 0) --brief_rows_;
    }
    rows.reset();
}

void JournalStore::share_among(const std::vector<std::string>& callers)
{
    for (auto& [name, usage] : usage_) usage.shares = false;
    for (const std::string& name : callers) usage_of(name).shares = true;
    sharing_ = callers.size();
}

// Its own part, or what nobody else has a part in.
bool JournalStore::has_room(const Usage& mine) const
{
    const std::uint64_t parts = std::max<std::uint64_t>(1, sharing_) * 2;
    const std::uint64_t part_rows = options_.rows / parts, part_bytes = options_.bytes / parts;
    if (mine.shares && mine.rows < part_rows && mine.bytes < part_bytes) return true;
    std::uint64_t rows = rows_, bytes = bytes_;
    for (const auto& [name, usage] : usage_) {
        if (!usage.shares || &usage == &mine) continue;
        rows += part_rows - std::min(part_rows, usage.rows);
        bytes += part_bytes - std::min(part_bytes, usage.bytes);
    }
    return rows < options_.rows && bytes < options_.bytes;
}

bool JournalStore::make_room(std::string_view caller, std::int64_t now)
{
    const Usage& mine = usage_of(caller);
    if (has_room(mine)) return true;
    if (now > expired_at_ + 60) expire(now);
    if (!has_room(mine)) {
        trim_.bind(1, caller).bind(2, trim_rows);
        removed(trim_);
    }
    return has_room(mine);
}

std::string JournalStore::no_room(std::string_view caller) const
{
    const auto at = usage_.find(caller);
    const Usage mine = at == usage_.end() ? Usage{} : at->second;
    return "the journal has no room for another result of " + std::string{caller} + ": it holds " +
           std::to_string(mine.rows) + " of its results (" + std::to_string(mine.bytes) + " bytes), and " +
           std::to_string(rows_) + " of " + std::to_string(options_.rows) + " rows and " +
           std::to_string(bytes_) + " of " + std::to_string(options_.bytes) + " bytes in all";
}

void JournalStore::probe()
{
    base::Transaction transaction{db_};
    db_.exec("PRAGMA user_version = 2"); // writes the first page, whatever it was
    if (options_.before_commit) options_.before_commit();
    transaction.commit();
}

Journal::Begun JournalStore::begin(std::string_view caller, std::string_view id, const Digest& digest,
                                   std::string_view action, std::int64_t now, bool may_insert)
{
    if (may_insert && make_room(caller, now)) {
        const auto bytes = row_bytes + static_cast<std::int64_t>(id.size() + action.size());
        insert_.bind(1, static_cast<std::int64_t>(next_row_))
            .bind(2, caller)
            .bind(3, id)
            .bind_blob(4, digest)
            .bind(5, action)
            .bind(6, now)
            .bind(7, bytes)
            .run();
        if (db_.changes() == 1) {
            change(caller, 1, bytes);
            return {
                .what = Journal::Begin::fresh, .row = next_row_++, .result = {}, .problem = {}, .code = {}};
        }
    }
    find_.bind(1, caller).bind(2, id);
    if (!find_.step()) {
        find_.reset();
        return {.what = may_insert ? Journal::Begin::full : Journal::Begin::failed,
                .row = 0,
                .result = {},
                .problem = may_insert ? no_room(caller) : std::string{},
                .code = {}};
    }
    Journal::Begun begun;
    begun.row = static_cast<std::uint64_t>(find_.integer(0));
    const auto stored = find_.blob(9);
    const auto state = find_.integer(10);
    if (!std::ranges::equal(stored, digest))
        begun.what = Journal::Begin::id_reused;
    else if (state == interrupted) {
        begun.what = Journal::Begin::interrupted;
        begun.result = read_result(find_);
    } else if (state == finished) {
        begun.what = Journal::Begin::finished;
        begun.result = read_result(find_);
    } else if (const auto owed = owed_.find(begun.row); owed != owed_.end()) {
        const FinishedRow& r = owed->second;
        begun.what = Journal::Begin::finished;
        begun.result = {.row = r.row,
                        .id = std::string{id},
                        .action = std::string{find_.text(1)},
                        .outcome = r.outcome,
                        .data = r.data,
                        .code = r.code,
                        .message = r.message,
                        .detail = r.detail,
                        .error_data = r.error_data};
    } else
        begun.what = Journal::Begin::running;
    find_.reset();
    return begun;
}

StoredResult JournalStore::read_result(const base::Statement& s) const
{
    return {.row = static_cast<std::uint64_t>(s.integer(0)),
            .id = std::string{s.text(8)},
            .action = std::string{s.text(1)},
            .outcome = outcome_of(s.integer(2)),
            .data = std::string{s.text(3)},
            .code = std::string{s.text(4)},
            .message = std::string{s.text(5)},
            .detail = std::string{s.text(6)},
            .error_data = std::string{s.text(7)}};
}

std::uint64_t JournalStore::rerun(std::uint64_t row)
{
    auto undelivered = db_.prepare("SELECT delivered = 0 FROM journal WHERE row = ?");
    undelivered.bind(1, static_cast<std::int64_t>(row));
    const bool waited = undelivered.step() && undelivered.integer(0) != 0;
    undelivered.reset();
    const bool found =
        rerun_.bind(1, static_cast<std::int64_t>(next_row_)).bind(2, static_cast<std::int64_t>(row)).step();
    rerun_.reset();
    if (!found) return 0;
    if (waited && undelivered_ > 0) --undelivered_;
    return next_row_++;
}

std::uint64_t JournalStore::finish(const FinishedRow& r, std::int64_t now)
{
    if (r.outcome == wire::Outcome::not_started) {
        remove_.bind(1, static_cast<std::int64_t>(r.row));
        removed(remove_);
        return 0;
    }
    finish_.bind(1, now)
        .bind(2, static_cast<std::int64_t>(next_sequence_))
        .bind(3, static_cast<std::int64_t>(r.outcome));
    finish_.bind(4, r.data).bind(5, r.code).bind(6, r.message).bind(7, r.detail).bind(8, r.error_data);
    const auto bytes =
        static_cast<std::int64_t>(r.data.size() + r.message.size() + r.detail.size() + r.error_data.size());
    finish_.bind(9, bytes).bind(10, static_cast<std::int64_t>(r.changed_nothing));
    const bool found = finish_.bind(11, static_cast<std::int64_t>(r.row)).step();
    if (found) change(finish_.text(0), 0, bytes);
    finish_.reset();
    if (!found) return 0;
    ++undelivered_;
    if (r.changed_nothing) ++brief_rows_;
    return next_sequence_++;
}

void JournalStore::delivered(std::uint64_t row)
{
    const bool found = delivered_statement_.bind(1, static_cast<std::int64_t>(row)).step();
    delivered_statement_.reset();
    if (found && undelivered_ > 0) --undelivered_;
}

void JournalStore::replace_result(const FinishedRow& r)
{
    if (const auto owed = owed_.find(r.row); owed != owed_.end()) owed->second = r;
    replace_.bind(1, static_cast<std::int64_t>(r.outcome))
        .bind(2, r.code)
        .bind(3, r.message)
        .bind(4, r.detail);
    replace_.bind(5, static_cast<std::int64_t>(r.row)).run();
}

std::vector<Journal::Undelivered> JournalStore::undelivered(std::string_view caller, std::uint64_t after,
                                                            std::size_t most)
{
    std::vector<Journal::Undelivered> page;
    std::size_t bytes = 0;
    page_.bind(1, caller).bind(2, static_cast<std::int64_t>(after)).bind(3, static_cast<std::int64_t>(most));
    while (bytes < page_bytes && page_.step()) {
        page.push_back(
            {.sequence = static_cast<std::uint64_t>(page_.integer(9)), .result = read_result(page_)});
        bytes += page.back().result.data.size() + page.back().result.error_data.size();
    }
    page_.reset();
    return page;
}

void JournalStore::expire(std::int64_t now)
{
    expired_at_ = now;
    expire_.bind(1, now - options_.keep.count());
    removed(expire_);
    expire_brief(now);
}

void JournalStore::expire_brief(std::int64_t now)
{
    brief_at_ = now;
    if (brief_rows_ == 0) return;
    expire_brief_.bind(1, now - std::min<std::int64_t>(brief_seconds, options_.keep.count()));
    removed(expire_brief_);
}

void JournalStore::owe(FinishedRow r)
{
    const auto row = r.row;
    if (row == 0) return; // it ran without one
    if (owed_.size() < owed_most) owed_.insert_or_assign(row, std::move(r));
}

void JournalStore::pay(std::int64_t now)
{
    for (const auto& [row, result] : owed_) {
        finish(result, now);
        paid_.push_back(row);
    }
}

} // namespace agenthost::host
