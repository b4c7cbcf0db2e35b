#include "sqlite.hpp"

#include "fd.hpp"

#include <fcntl.h>
#include <sqlite3.h>

namespace agenthost::base {

namespace {

[[noreturn]] void fail(sqlite3* db, int rc, std::string_view what)
{
    std::string text{what};
    text += ": ";
    text += db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
    throw SqliteError{std::move(text), db ? sqlite3_extended_errcode(db) : rc,
                      db ? sqlite3_system_errno(db) : 0};
}

void check(sqlite3_stmt* statement, int rc)
{
    if (rc != SQLITE_OK) fail(sqlite3_db_handle(statement), rc, "binding a value");
}

} // namespace

bool SqliteError::disk_full() const { return (code_ & 0xff) == SQLITE_FULL; }

bool SqliteError::locked() const { return (code_ & 0xff) == SQLITE_BUSY || (code_ & 0xff) == SQLITE_LOCKED; }

void Statement::Finalize::operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
void Database::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

Statement& Statement::bind(int at, std::int64_t value)
{
    check(statement_.get(), sqlite3_bind_int64(statement_.get(), at, value));
    return *this;
}

Statement& Statement::bind(int at, std::string_view value)
{
    check(statement_.get(), sqlite3_bind_text64(statement_.get(), at, value.data() ? value.data() : "",
                                                value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
    return *this;
}

Statement& Statement::bind_blob(int at, std::span<const unsigned char> value)
{
    check(statement_.get(),
          sqlite3_bind_blob64(statement_.get(), at, value.data(), value.size(), SQLITE_TRANSIENT));
    return *this;
}

Statement& Statement::bind_null(int at)
{
    check(statement_.get(), sqlite3_bind_null(statement_.get(), at));
    return *this;
}

bool Statement::step()
{
    const int rc = sqlite3_step(statement_.get());
    if (rc == SQLITE_ROW) return true;
    if (rc == SQLITE_DONE) return false;
    sqlite3* db = sqlite3_db_handle(statement_.get());
    const SqliteError error{std::string{sqlite3_sql(statement_.get())} + ": " + sqlite3_errmsg(db),
                            sqlite3_extended_errcode(db), sqlite3_system_errno(db)};
    reset();
    throw error;
}

void Statement::reset()
{
    sqlite3_reset(statement_.get()); // repeats step()'s error, which was thrown there
    sqlite3_clear_bindings(statement_.get());
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string_view Statement::text(int column) const
{
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
    return data ? std::string_view{data,
                                   static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))}
                : std::string_view{};
}

std::span<const unsigned char> Statement::blob(int column) const
{
    const auto* data = static_cast<const unsigned char*>(sqlite3_column_blob(statement_.get(), column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

bool Statement::is_null(int column) const
{
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Database::Database(const std::string& file) : file_{file}
{
    // Created here because SQLite would use the umask's mode. Our databases hold tokens or paths: owner only;
    // WAL files inherit the mode. O_EXCL: to close a file that this process has open would drop SQLite's
    // locks.
    Fd{::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    sqlite3* db = nullptr;
    const int rc = sqlite3_open_v2(file.c_str(), &db,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    db_.reset(db);
    if (rc != SQLITE_OK) fail(db, rc, "opening " + file);
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, busy_timeout_ms);
    exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON");
}

Statement Database::prepare(std::string_view sql)
{
    Statement statement;
    sqlite3_stmt* raw = nullptr;
    const int rc = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    statement.statement_.reset(raw);
    if (rc != SQLITE_OK) fail(db_.get(), rc, file_ + ": " + std::string{sql});
    return statement;
}

void Database::exec(const char* sql)
{
    if (const int rc = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr); rc != SQLITE_OK)
        fail(db_.get(), rc, file_ + ": " + sql);
}

std::int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(db_.get()); }
int Database::changes() const { return sqlite3_changes(db_.get()); }

Transaction::~Transaction()
{
    if (!open_) return;
    // Fails only when SQLite rolled back on its own.
    sqlite3_exec(db_.raw(), "ROLLBACK", nullptr, nullptr, nullptr);
}

} // namespace agenthost::base
