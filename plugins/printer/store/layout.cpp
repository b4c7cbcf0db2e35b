#include "layout.hpp"

#include <sqlite3.h>

#include <array>
#include <filesystem>
#include <system_error>

namespace agenthost::printer::store {

namespace {

// A content has a table of its own: SQLite writes a complete row at each change, and the progress changes
// often.
// Its digest finds damage that SQLite does not look for.
constexpr const char* version_1 = R"(
CREATE TABLE jobs(
  id INTEGER PRIMARY KEY AUTOINCREMENT, printer TEXT NOT NULL, server TEXT NOT NULL, task TEXT NOT NULL,
  request BLOB NOT NULL, kind TEXT NOT NULL, copy_of INTEGER NOT NULL,
  size INTEGER NOT NULL, commit_at INTEGER NOT NULL, created_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL DEFAULT 0,
  state INTEGER NOT NULL DEFAULT 0, outcome INTEGER NOT NULL DEFAULT 0, taken INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0, doubt INTEGER NOT NULL DEFAULT 0,
  code TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '', meta TEXT NOT NULL);
CREATE UNIQUE INDEX jobs_task ON jobs(server, task) WHERE task <> '';
CREATE INDEX jobs_open ON jobs(id) WHERE state < 4;
CREATE INDEX jobs_ended ON jobs(printer, id) WHERE state = 4;
CREATE TABLE contents(
  job INTEGER PRIMARY KEY REFERENCES jobs(id) ON DELETE CASCADE, bytes BLOB NOT NULL, sha256 BLOB NOT NULL);
CREATE TABLE printers(key TEXT PRIMARY KEY, dirty INTEGER) WITHOUT ROWID;
CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
)";
constexpr std::array<const char*, 1> steps{version_1};

bool is_damage(const base::SqliteError& error)
{
    const int code = error.code() & 0xff;
    return code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
}

std::runtime_error unusable(const std::string& file, const base::SqliteError& error)
{
    std::string text = "printer queue " + file + ": " + error.what() + ". ";
    if (error.locked())
        text +=
            "Another process has it open: stop the other agenthost, or give this one an agent.state_dir of "
            "its own.";
    else if (error.disk_full())
        text += "Free space on that file system.";
    else
        text += "Check that the folder exists and that the daemon's user may write the file and its folder.";
    return std::runtime_error{text};
}

int version_of(base::Database& db)
{
    auto statement = db.prepare("PRAGMA user_version");
    return statement.step() ? static_cast<int>(statement.integer(0)) : 0;
}

void upgrade(base::Database& db)
{
    for (auto version = static_cast<std::size_t>(version_of(db)); version < steps.size(); ++version) {
        base::Transaction transaction{db};
        db.exec(steps[version]);
        db.exec(("PRAGMA user_version = " + std::to_string(version + 1)).c_str());
        transaction.commit();
    }
}

void check(base::Database& db, const std::string& file)
{
    auto content = db.prepare("PRAGMA quick_check(1)");
    if (content.step() && content.text(0) != "ok") throw Damaged{file + ": " + std::string{content.text(0)}};
    const int version = version_of(db);
    if (version > static_cast<int>(steps.size()))
        throw std::runtime_error{
            "printer queue " + file + ": its layout is version " + std::to_string(version) +
            ", and this agenthost knows " + std::to_string(steps.size()) +
            ". Run the newer agenthost that wrote it, or move the file away: jobs that wait "
            "in it are then not printed."};
}

void limit_size(base::Database& db)
{
    auto page = db.prepare("PRAGMA page_size");
    page.step();
    const auto pages = max_file_bytes / static_cast<std::uint64_t>(page.integer(0));
    page.reset();
    db.exec(("PRAGMA max_page_count=" + std::to_string(pages)).c_str());
}

} // namespace

base::Database open_database(const std::string& file)
{
    try {
        base::Database db{file};
        // One daemon for each file.
        db.exec("PRAGMA locking_mode=EXCLUSIVE");
        db.exec("PRAGMA journal_size_limit=16777216");
        check(db, file);
        upgrade(db);
        limit_size(db);
        return db;
    } catch (const base::SqliteError& error) {
        if (is_damage(error)) throw Damaged{file + ": " + error.what()};
        throw unusable(file, error);
    }
}

std::string move_aside(const std::string& file)
{
    constexpr int last = 9;
    int number = 1;
    while (number < last && std::filesystem::exists(file + ".damaged-" + std::to_string(number))) ++number;
    const std::string to = file + ".damaged-" + std::to_string(number);
    for (const char* part : {"-wal", "-shm", ""}) {
        std::error_code error;
        std::filesystem::rename(file + part, to + part, error);
        if (error && error != std::errc::no_such_file_or_directory)
            throw std::runtime_error{"printer queue " + file + part +
                                     " is damaged and cannot be renamed to " + to + part + ": " +
                                     error.message() + ". Move it away."};
    }
    return to;
}

} // namespace agenthost::printer::store
