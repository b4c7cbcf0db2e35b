// The journal's tables and statements: what a row is and how it changes. Blocking; one thread at a time; who
// calls commits.
#pragma once

#include "journal.hpp"

#include "kit/sqlite.hpp"

#include <unordered_map>

namespace agenthost::host {

// A result with memory of its own.
struct FinishedRow {
    std::uint64_t row = 0;
    wire::Outcome outcome = wire::Outcome::success;
    std::string data, code, message, detail, error_data;
};

class JournalStore {
public:
    // Opens, refuses what it does not know, marks what was running. Throws std::runtime_error: what, where,
    // how to fix.
    explicit JournalStore(const Journal::Options&);

    void open_transaction() { db_.exec("BEGIN IMMEDIATE"); }
    void commit(); // throws: then roll back
    void roll_back() noexcept;

    Journal::Begun begin(std::string_view caller, std::string_view id, const Digest&, std::string_view action,
                         std::int64_t now);
    std::uint64_t rerun(std::uint64_t row); // the new row; 0: it was not interrupted
    std::uint64_t finish(const FinishedRow&,
                         std::int64_t now); // its sequence; 0: the row is gone (not_started)
    void delivered(std::uint64_t row);
    void replace_result(const FinishedRow&); // of a finished row
    std::vector<Journal::Undelivered> undelivered(std::string_view caller, std::uint64_t after,
                                                  std::size_t most);
    void expire(std::int64_t now);

    // What the disk refused: kept here, answered from here, written with the next commit that works.
    void owe(FinishedRow);
    [[nodiscard]] bool owes() const { return !owed_.empty(); }
    void pay(std::int64_t now);

    [[nodiscard]] std::uint64_t rows() const { return rows_; }
    [[nodiscard]] std::uint64_t undelivered_rows() const { return undelivered_; }

private:
    void check_version(const std::string& file);
    void create();
    void prepare();
    void mark_interrupted(std::int64_t now);
    void count();
    StoredResult read_result(const kit::Statement&) const;

    static constexpr std::size_t owed_most =
        4096; // results; a disk that refuses takes no new work, so this is what was running

    Journal::Options options_;
    kit::Database db_;
    kit::Statement insert_, find_, rerun_, finish_, remove_, delivered_statement_, replace_, page_, expire_;
    std::uint64_t next_row_ = 1, next_sequence_ = 1, rows_ = 0, undelivered_ = 0;
    std::uint64_t committed_rows_ = 0, committed_undelivered_ = 0; // to return to on a roll back
    std::int64_t expired_at_ = 0;
    std::unordered_map<std::uint64_t, FinishedRow> owed_;
    std::vector<std::uint64_t> paid_; // in the open transaction
};

} // namespace agenthost::host
