// RAII wrappers of SQLite: database, prepared statement, transaction. Errors are base::SqliteError with the
// file and SQLite's message. Not thread-safe: one thread at a time may use a Database.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace agenthost::base {

// How long a call waits for a lock that another program holds.
constexpr int busy_timeout_ms = 5000;

class SqliteError : public std::runtime_error {
public:
    SqliteError(std::string text, int code, int system_error = 0)
        : std::runtime_error{std::move(text)}, code_{code}, system_error_{system_error}
    {}
    [[nodiscard]] int code() const { return code_; }                 // the extended result code
    [[nodiscard]] int system_error() const { return system_error_; } // errno behind it; 0: unknown
    [[nodiscard]] bool disk_full() const;
    [[nodiscard]] bool locked() const; // by another program

private:
    int code_, system_error_;
};

class Statement {
public:
    // Values are bound by position from 1; text and blobs are copied. Returns *this for chaining.
    Statement& bind(int at, std::int64_t);
    Statement& bind(int at, std::string_view);
    Statement& bind_blob(int at, std::span<const unsigned char>);
    Statement& bind_null(int at);
    bool step();  // true: a row is there
    void reset(); // and clears the bindings
    void run()    // step to the end, reset
    {
        while (step()) {}
        reset();
    }
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::string_view text(int column) const; // valid until the next step or reset
    [[nodiscard]] std::span<const unsigned char> blob(int column) const;
    [[nodiscard]] bool is_null(int column) const;

private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt*) const;
    };
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
public:
    // WAL, synchronous=FULL, foreign keys, a busy timeout of busy_timeout_ms. Creates the file 0600. Throws
    // SqliteError.
    explicit Database(const std::string& file);
    Statement prepare(std::string_view sql);
    void exec(const char* sql);
    [[nodiscard]] std::int64_t last_insert_id() const;
    [[nodiscard]] int changes() const;
    [[nodiscard]] sqlite3* raw() const { return db_.get(); }

private:
    struct Close {
        void operator()(sqlite3*) const;
    };
    std::string file_;
    std::unique_ptr<sqlite3, Close> db_;
};

// BEGIN IMMEDIATE now, ROLLBACK at the end unless committed.
class Transaction {
public:
    explicit Transaction(Database& db) : db_{db} { db_.exec("BEGIN IMMEDIATE"); }
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit()
    {
        db_.exec("COMMIT");
        open_ = false;
    }

private:
    Database& db_;
    bool open_ = true;
};

} // namespace agenthost::base
