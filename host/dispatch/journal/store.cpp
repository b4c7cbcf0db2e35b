#include "store.hpp"

#include "file.hpp"

#include <sqlite3.h>

#include <algorithm>

namespace agenthost::host {

namespace {

enum State : std::int64_t { running = 0, finished = 1, interrupted = 2 };

constexpr std::size_t max_page_bytes = 4 << 20;
// Of a row beside its texts: columns, keys in two indexes.
constexpr std::int64_t row_bytes = 256;
// A peer that lost the answer asks again within its next connection.
constexpr std::int64_t brief_seconds = 120;
// Rows of one make_space().
constexpr std::int64_t trim_rows = 256;

std::int64_t seconds(std::chrono::system_clock::time_point at)
{
    return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

wire::Outcome outcome_of(std::int64_t value)
{
    return value >= 0 && value <= static_cast<std::int64_t>(wire::Outcome::interrupted)
               ? static_cast<wire::Outcome>(value)
               : wire::Outcome::unknown;
}

// The first nine columns of `find` and `page`.
StoredResult read_result(const base::Statement& s)
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

} // namespace

JournalStore::JournalStore(const Journal::Options& options)
try : options_{options}, db_{open_journal_file(options.file)}, statements_{db_},
    shares_{options.rows, options.bytes} {
    const auto now = seconds(options.clock());
    const NextNumbers next = mark_interrupted(db_, now);
    next_row_ = next.row;
    next_sequence_ = next.sequence;
    count();
    base::Transaction transaction{db_};
    expire(now);
    transaction.commit();
    keep_counts();
} catch (const base::SqliteError& e) {
    throw damaged_or_full(options.file, e);
}

void JournalStore::count()
{
    auto rows = db_.prepare("SELECT caller, count(*), sum(bytes), sum(brief) FROM journal GROUP BY caller");
    while (rows.step()) {
        shares_.change(rows.text(0), rows.integer(1), rows.integer(2));
        counts_.brief += static_cast<std::uint64_t>(rows.integer(3));
    }
    auto undelivered =
        db_.prepare("SELECT count(*) FROM journal WHERE delivered = 0 AND sequence IS NOT NULL");
    undelivered.step();
    counts_.undelivered = static_cast<std::uint64_t>(undelivered.integer(0));
}

void JournalStore::keep_counts()
{
    shares_.commit();
    owed_.commit();
    committed_ = counts_;
}

void JournalStore::commit()
{
    if (options_.before_commit) options_.before_commit();
    db_.exec("COMMIT");
    keep_counts();
}

void JournalStore::roll_back() noexcept
{
    // It fails only when SQLite has rolled back on its own.
    sqlite3_exec(db_.raw(), "ROLLBACK", nullptr, nullptr, nullptr);
    shares_.roll_back();
    owed_.roll_back();
    counts_ = committed_;
}

void JournalStore::probe()
{
    base::Transaction transaction{db_};
    // Writes the first page, even if the value is the same.
    db_.exec("PRAGMA user_version = 2");
    if (options_.before_commit) options_.before_commit();
    transaction.commit();
}

void JournalStore::forget_removed(base::Statement& rows)
{
    while (rows.step()) {
        shares_.change(rows.text(0), -1, -rows.integer(1));
        if (rows.integer(2) != 0 && counts_.undelivered > 0) --counts_.undelivered;
        if (rows.integer(3) != 0 && counts_.brief > 0) --counts_.brief;
    }
    rows.reset();
}

bool JournalStore::make_space(std::string_view caller, std::int64_t now)
{
    if (shares_.has_space(caller)) return true;
    if (now > expired_at_ + 60) expire(now);
    if (!shares_.has_space(caller)) {
        statements_.trim.bind(1, caller).bind(2, trim_rows);
        forget_removed(statements_.trim);
    }
    return shares_.has_space(caller);
}

bool JournalStore::insert(std::string_view caller, std::string_view id, const Digest& digest,
                          std::string_view action, std::int64_t now)
{
    const auto bytes = row_bytes + static_cast<std::int64_t>(id.size() + action.size());
    statements_.insert.bind(1, static_cast<std::int64_t>(next_row_))
        .bind(2, caller)
        .bind(3, id)
        .bind_blob(4, digest)
        .bind(5, action)
        .bind(6, now)
        .bind(7, bytes)
        .run();
    if (db_.changes() != 1) return false;
    shares_.change(caller, 1, bytes);
    return true;
}

Journal::Begun JournalStore::begin(std::string_view caller, std::string_view id, const Digest& digest,
                                   std::string_view action, std::int64_t now, bool may_insert)
{
    if (may_insert && make_space(caller, now) && insert(caller, id, digest, action, now))
        return {.what = Journal::Begin::fresh, .row = next_row_++, .result = {}, .problem = {}, .code = {}};
    base::Statement& find = statements_.find;
    find.bind(1, caller).bind(2, id);
    Journal::Begun begun;
    if (find.step())
        begun = known(find, id, digest);
    else if (may_insert) {
        begun.what = Journal::Begin::full;
        begun.problem = shares_.no_space(caller);
    }
    find.reset();
    return begun;
}

// Tells what an existing row means for a command with its id.
Journal::Begun JournalStore::known(const base::Statement& row, std::string_view id,
                                   const Digest& digest) const
{
    Journal::Begun begun;
    begun.row = static_cast<std::uint64_t>(row.integer(0));
    const auto state = row.integer(10);
    if (!std::ranges::equal(row.blob(9), digest))
        begun.what = Journal::Begin::id_reused;
    else if (state == interrupted || state == finished) {
        begun.what = state == finished ? Journal::Begin::finished : Journal::Begin::interrupted;
        begun.result = read_result(row);
    } else if (const FinishedRow* r = owed_.find(begun.row)) {
        begun.what = Journal::Begin::finished;
        begun.result = {.row = r->row,
                        .id = std::string{id},
                        .action = std::string{row.text(1)},
                        .outcome = r->outcome,
                        .data = r->data,
                        .code = r->code,
                        .message = r->message,
                        .detail = r->detail,
                        .error_data = r->error_data};
    } else
        begun.what = Journal::Begin::running;
    return begun;
}

std::uint64_t JournalStore::rerun(std::uint64_t row)
{
    base::Statement& waits = statements_.was_undelivered;
    waits.bind(1, static_cast<std::int64_t>(row));
    const bool waited = waits.step() && waits.integer(0) != 0;
    waits.reset();
    base::Statement& rerun = statements_.rerun;
    const bool found =
        rerun.bind(1, static_cast<std::int64_t>(next_row_)).bind(2, static_cast<std::int64_t>(row)).step();
    rerun.reset();
    if (!found) return 0;
    if (waited && counts_.undelivered > 0) --counts_.undelivered;
    return next_row_++;
}

std::uint64_t JournalStore::finish(const FinishedRow& r, std::int64_t now)
{
    if (r.outcome == wire::Outcome::not_started) {
        statements_.remove.bind(1, static_cast<std::int64_t>(r.row));
        forget_removed(statements_.remove);
        return 0;
    }
    const auto bytes =
        static_cast<std::int64_t>(r.data.size() + r.message.size() + r.detail.size() + r.error_data.size());
    base::Statement& finish = statements_.finish;
    // Also when the plugin says so, at the end of the agent: what is idempotent may then run again.
    const State state = r.outcome == wire::Outcome::interrupted ? interrupted : finished;
    const bool found = finish.bind(1, now)
                           .bind(2, static_cast<std::int64_t>(next_sequence_))
                           .bind(3, static_cast<std::int64_t>(r.outcome))
                           .bind(4, r.data)
                           .bind(5, r.code)
                           .bind(6, r.message)
                           .bind(7, r.detail)
                           .bind(8, r.error_data)
                           .bind(9, bytes)
                           .bind(10, static_cast<std::int64_t>(r.changed_nothing))
                           .bind(11, state)
                           .bind(12, static_cast<std::int64_t>(r.row))
                           .step();
    if (found) shares_.change(finish.text(0), 0, bytes);
    finish.reset();
    if (!found) return 0;
    ++counts_.undelivered;
    if (r.changed_nothing) ++counts_.brief;
    return next_sequence_++;
}

void JournalStore::delivered(std::uint64_t row)
{
    const bool found = statements_.delivered.bind(1, static_cast<std::int64_t>(row)).step();
    statements_.delivered.reset();
    if (found && counts_.undelivered > 0) --counts_.undelivered;
}

void JournalStore::replace_result(const FinishedRow& r)
{
    owed_.replace(r);
    statements_.replace.bind(1, static_cast<std::int64_t>(r.outcome))
        .bind(2, r.code)
        .bind(3, r.message)
        .bind(4, r.detail)
        .bind(5, static_cast<std::int64_t>(r.row))
        .run();
}

std::vector<Journal::Undelivered> JournalStore::undelivered(std::string_view caller, std::uint64_t after,
                                                            std::size_t max_rows)
{
    std::vector<Journal::Undelivered> rows;
    std::size_t bytes = 0;
    base::Statement& page = statements_.page;
    page.bind(1, caller)
        .bind(2, static_cast<std::int64_t>(after))
        .bind(3, static_cast<std::int64_t>(max_rows));
    while (bytes < max_page_bytes && page.step()) {
        rows.push_back(
            {.sequence = static_cast<std::uint64_t>(page.integer(9)), .result = read_result(page)});
        bytes += rows.back().result.data.size() + rows.back().result.error_data.size();
    }
    page.reset();
    return rows;
}

void JournalStore::expire(std::int64_t now)
{
    expired_at_ = now;
    statements_.expire.bind(1, now - options_.keep.count());
    forget_removed(statements_.expire);
    expire_brief(now);
}

void JournalStore::expire_brief(std::int64_t now)
{
    brief_expired_at_ = now;
    if (counts_.brief == 0) return;
    statements_.expire_brief.bind(1, now - std::min<std::int64_t>(brief_seconds, options_.keep.count()));
    forget_removed(statements_.expire_brief);
}

void JournalStore::pay(std::int64_t now)
{
    owed_.pay([this, now](const FinishedRow& result) { finish(result, now); });
}

} // namespace agenthost::host
