#include "file.hpp"

#include "wire/codes.hpp"

#include <sqlite3.h>

#include <stdexcept>
#include <vector>

namespace agenthost::host {

namespace {

constexpr const char* interrupted_message =
    "the agent stopped while this was running: it may have been done in part";
constexpr const char* interrupted_detail = "Look at what was done before sending it again under a new id.";

base::Database open(const std::filesystem::path& file)
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

std::int64_t single(base::Database& db, const char* sql)
{
    auto statement = db.prepare(sql);
    statement.step();
    return statement.integer(0);
}

void create(base::Database& db)
{
    base::Transaction transaction{db};
    // `digest` distinguishes another command under the same id; `sequence` is the order of finishing, null
    // while running.
    db.exec(
        "CREATE TABLE journal(row INTEGER PRIMARY KEY, caller TEXT NOT NULL, id TEXT NOT NULL, digest "
        "BLOB NOT NULL,"
        " action TEXT NOT NULL, state INTEGER NOT NULL, created INTEGER NOT NULL, finished INTEGER, "
        "sequence INTEGER,"
        " delivered INTEGER NOT NULL DEFAULT 0, outcome INTEGER, data TEXT, code TEXT, message TEXT, "
        "detail TEXT, error_data TEXT, bytes INTEGER NOT NULL DEFAULT 0, brief INTEGER NOT NULL DEFAULT 0)");
    db.exec("CREATE UNIQUE INDEX journal_key ON journal(caller, id)");
    db.exec("CREATE INDEX journal_outbox ON journal(caller, sequence) WHERE delivered = 0 AND sequence IS "
            "NOT NULL");
    db.exec("CREATE INDEX journal_running ON journal(row) WHERE state = 0");
    db.exec("CREATE INDEX journal_brief ON journal(caller, finished) WHERE brief = 1");
    db.exec("PRAGMA user_version = 2");
    transaction.commit();
}

void upgrade_from_1(base::Database& db)
{
    base::Transaction transaction{db};
    db.exec("ALTER TABLE journal ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0");
    db.exec("ALTER TABLE journal ADD COLUMN brief INTEGER NOT NULL DEFAULT 0");
    db.exec("UPDATE journal SET bytes = 256 + length(id) + length(action) + ifnull(length(data), 0)"
            " + ifnull(length(message), 0) + ifnull(length(detail), 0) + ifnull(length(error_data), 0)");
    db.exec("CREATE INDEX journal_brief ON journal(caller, finished) WHERE brief = 1");
    db.exec("PRAGMA user_version = 2");
    transaction.commit();
}

void check_layout(base::Database& db, const std::filesystem::path& file)
{
    const auto found = single(db, "PRAGMA user_version");
    if (found > journal_layout)
        throw std::runtime_error{"journal " + file.string() + ": its layout is version " +
                                 std::to_string(found) + ", this agenthost knows " +
                                 std::to_string(journal_layout) +
                                 ". Run the newer agenthost that wrote it, or move the file away to start "
                                 "with an empty journal; the record of finished work is lost with it."};
    if (found == 0) create(db);
    if (found == 1) upgrade_from_1(db);
}

} // namespace

std::runtime_error damaged_or_full(const std::filesystem::path& file, const base::SqliteError& e)
{
    return std::runtime_error{"journal " + file.string() + ": " + e.what() +
                              ". The file is damaged or the disk is full: free space, restore it from a "
                              "backup, or move it (with its -wal "
                              "and -shm) away to start with an empty journal."};
}

base::Database open_journal_file(const std::filesystem::path& file)
{
    base::Database db = open(file);
    try {
        // One daemon for each journal.
        db.exec("PRAGMA locking_mode=EXCLUSIVE");
        check_layout(db, file);
    } catch (const base::SqliteError& e) {
        throw damaged_or_full(file, e);
    }
    return db;
}

NextNumbers mark_interrupted(base::Database& db, std::int64_t now)
{
    NextNumbers next;
    next.row = static_cast<std::uint64_t>(single(db, "SELECT ifnull(max(row), 0) + 1 FROM journal"));
    // Only undelivered rows have a place in the order; with the partial index this reads them alone.
    next.sequence = static_cast<std::uint64_t>(single(
        db, "SELECT ifnull(max(sequence), 0) + 1 FROM journal WHERE delivered = 0 AND sequence IS NOT NULL"));

    base::Transaction transaction{db};
    std::vector<std::int64_t> ran;
    {
        auto was_running = db.prepare("SELECT row FROM journal WHERE state = 0 ORDER BY row");
        while (was_running.step()) ran.push_back(was_running.integer(0));
    }
    auto mark = db.prepare("UPDATE journal SET state = 2, finished = ?, sequence = ?, delivered = 0, "
                           "outcome = ?, code = ?, message = ?,"
                           " detail = ? WHERE row = ?");
    for (const auto row : ran)
        mark.bind(1, now)
            .bind(2, static_cast<std::int64_t>(next.sequence++))
            .bind(3, static_cast<std::int64_t>(wire::Outcome::interrupted))
            .bind(4, wire::code::interrupted)
            .bind(5, std::string_view{interrupted_message})
            .bind(6, std::string_view{interrupted_detail})
            .bind(7, row)
            .run();
    transaction.commit();
    return next;
}

} // namespace agenthost::host
