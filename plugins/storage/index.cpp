#include "index.hpp"

#include <sqlite3.h>

#include <algorithm>

namespace agenthost::storage {

namespace {

constexpr std::string_view columns =
    "SELECT id, name, owner, blob, size, sha256, stored_ms, state FROM files ";

base::Database open(const std::string& file)
{
    base::Database db{file};
    {
        auto version = db.prepare("PRAGMA user_version");
        if (version.step() && version.integer(0) == 1)
            return db; // without writing, because it must open on a full disk, too
    }
    // Each row of the trash is one of our files that may still exist after its row was deleted.
    db.exec("BEGIN IMMEDIATE;"
            "CREATE TABLE IF NOT EXISTS files(id TEXT PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, "
            "blob TEXT NOT NULL UNIQUE,"
            " size INTEGER NOT NULL, sha256 TEXT NOT NULL, stored_ms INTEGER NOT NULL, state INTEGER NOT "
            "NULL DEFAULT 0) WITHOUT ROWID;"
            "CREATE INDEX IF NOT EXISTS files_owner ON files(owner, id);"
            "CREATE INDEX IF NOT EXISTS files_name ON files(name, id);"
            "CREATE TABLE IF NOT EXISTS trash(blob TEXT PRIMARY KEY) WITHOUT ROWID;"
            "PRAGMA user_version=1; COMMIT");
    return db;
}

// Only '*' is a wildcard; GLOB's other two are escaped.
std::string glob_of(std::string_view name)
{
    std::string glob;
    for (const char c : name) {
        if (c == '?' || c == '[')
            ((glob += '[') += c) += ']';
        else
            glob += c;
    }
    return glob;
}

} // namespace

Index::Index(const std::string& file)
    : db_{open(file)}, find_{db_.prepare(std::string{columns} + "WHERE id=?")},
      put_{db_.prepare(
          "INSERT INTO files(id, name, owner, blob, size, sha256, stored_ms, state) VALUES(?,?,?,?,?,?,?,?)"
          " ON CONFLICT(id) DO UPDATE SET name=excluded.name, owner=excluded.owner, blob=excluded.blob,"
          " size=excluded.size, sha256=excluded.sha256, stored_ms=excluded.stored_ms, state=excluded.state")},
      describe_{db_.prepare("UPDATE files SET name=?, owner=? WHERE id=?")},
      remove_{db_.prepare("DELETE FROM files WHERE id=?")},
      mark_{db_.prepare("UPDATE files SET state=? WHERE id=? AND blob=?")},
      trash_{db_.prepare("INSERT OR IGNORE INTO trash(blob) SELECT blob FROM files WHERE id=?")},
      untrash_{db_.prepare("DELETE FROM trash WHERE blob=?")},
      totals_{db_.prepare("SELECT count(*), coalesce(sum(size),0), coalesce(sum(state=1),0), "
                          "coalesce(sum(state=2),0) FROM files")}
{}

FileRecord Index::read(const base::Statement& row)
{
    FileRecord record;
    record.id = row.text(0);
    record.name = row.text(1);
    record.owner = row.text(2);
    record.blob = row.text(3);
    record.size = static_cast<std::uint64_t>(row.integer(4));
    record.sha256 = row.text(5);
    record.stored_ms = row.integer(6);
    record.state = static_cast<FileState>(row.integer(7));
    return record;
}

std::optional<FileRecord> Index::find(const std::string& id)
{
    const std::lock_guard lock{mutex_};
    std::optional<FileRecord> found;
    if (find_.bind(1, id).step()) found = read(find_);
    find_.reset();
    return found;
}

void Index::forget_unlinked()
{
    for (const auto& blob : unlinked_) untrash_.bind(1, blob).run();
}

std::optional<std::string> Index::trash_blob_of(const std::string& id)
{
    std::optional<std::string> blob;
    if (find_.bind(1, id).step()) blob = find_.text(3);
    find_.reset();
    if (blob) trash_.bind(1, id).run();
    return blob;
}

std::optional<std::string> Index::put(const FileRecord& record)
{
    const std::lock_guard lock{mutex_};
    base::Transaction change{db_};
    forget_unlinked();
    auto old = trash_blob_of(record.id);
    put_.bind(1, record.id).bind(2, record.name).bind(3, record.owner).bind(4, record.blob);
    put_.bind(5, static_cast<std::int64_t>(record.size)).bind(6, record.sha256).bind(7, record.stored_ms);
    put_.bind(8, static_cast<std::int64_t>(record.state)).run();
    change.commit();
    unlinked_.clear();
    return old;
}

void Index::describe(const std::string& id, const std::string& name, const std::string& owner)
{
    const std::lock_guard lock{mutex_};
    describe_.bind(1, name).bind(2, owner).bind(3, id).run();
}

std::optional<std::string> Index::remove(const std::string& id)
{
    const std::lock_guard lock{mutex_};
    base::Transaction change{db_};
    forget_unlinked();
    auto blob = trash_blob_of(id);
    if (blob) remove_.bind(1, id).run();
    change.commit();
    unlinked_.clear();
    return blob;
}

void Index::mark(const std::string& id, const std::string& blob, FileState state)
{
    const std::lock_guard lock{mutex_};
    mark_.bind(1, static_cast<std::int64_t>(state)).bind(2, id).bind(3, blob).run();
}

std::vector<FileRecord> Index::list(const Query& query)
{
    const std::lock_guard lock{mutex_};
    const bool pattern = query.name.find('*') != std::string::npos;
    std::string sql{columns};
    sql += "WHERE id > ?";
    if (!query.owner.empty()) sql += " AND owner = ?";
    if (!query.name.empty()) sql += pattern ? " AND name GLOB ?" : " AND name = ?";
    auto rows = db_.prepare(sql + " ORDER BY id LIMIT ?");
    int at = 0;
    rows.bind(++at, query.after);
    if (!query.owner.empty()) rows.bind(++at, query.owner);
    if (!query.name.empty()) rows.bind(++at, pattern ? glob_of(query.name) : query.name);
    rows.bind(++at, static_cast<std::int64_t>(query.limit));
    std::vector<FileRecord> found;
    while (rows.step()) found.push_back(read(rows));
    return found;
}

Index::Totals Index::totals()
{
    const std::lock_guard lock{mutex_};
    totals_.step();
    const auto at = [this](int column) { return static_cast<std::uint64_t>(totals_.integer(column)); };
    const Totals totals{at(0), at(1), at(2), at(3)};
    totals_.reset();
    return totals;
}

bool Index::can_change()
{
    const std::lock_guard lock{mutex_};
    sqlite3_busy_timeout(db_.raw(), 0);
    bool can = true;
    try {
        const base::Transaction change{db_};
    } catch (const base::SqliteError&) {
        can = false;
    }
    sqlite3_busy_timeout(db_.raw(), base::busy_timeout_ms);
    return can;
}

void Index::unlinked(std::string blob)
{
    const std::lock_guard lock{mutex_};
    unlinked_.push_back(std::move(blob));
}

std::map<std::string, KnownFile> Index::known()
{
    const std::lock_guard lock{mutex_};
    auto rows = db_.prepare("SELECT blob, id, size, state, sha256<>'' FROM files");
    std::map<std::string, KnownFile> known;
    while (rows.step())
        known[std::string{rows.text(0)}] = {std::string{rows.text(1)},
                                            static_cast<std::uint64_t>(rows.integer(2)),
                                            static_cast<FileState>(rows.integer(3)), rows.integer(4) != 0};
    return known;
}

std::set<std::string> Index::trash()
{
    const std::lock_guard lock{mutex_};
    auto rows = db_.prepare("SELECT blob FROM trash");
    std::set<std::string> blobs;
    while (rows.step()) blobs.emplace(rows.text(0));
    return blobs;
}

void Index::clear_trash()
{
    const std::lock_guard lock{mutex_};
    if (auto any = db_.prepare("SELECT 1 FROM trash"); !any.step()) return;
    db_.exec("DELETE FROM trash");
    unlinked_.clear();
}

} // namespace agenthost::storage
