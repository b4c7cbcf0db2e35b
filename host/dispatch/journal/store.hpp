// Stores commands and results in SQLite: what a row is, and how it changes. Blocking; the caller opens and
// commits the transaction.
//
// A row's `bytes`: its texts, and 256 for the rest. `brief`: its result changed nothing.
//
// The journal's thread. Owned by Journal.
#pragma once

#include "journal.hpp"
#include "owed_results.hpp"
#include "shares.hpp"
#include "statements.hpp"
#include "types.hpp"

#include "base/sqlite.hpp"

namespace agenthost::host {

class JournalStore {
public:
    // Opens the file, refuses an unknown layout, marks what was running. Throws std::runtime_error: what,
    // where, how to fix.
    explicit JournalStore(const Journal::Options&);

    void open_transaction() { db_.exec("BEGIN IMMEDIATE"); }
    // If it throws, roll back.
    void commit();
    void roll_back() noexcept;

    // `may_insert` false: answers only what is known already; otherwise Begin::failed.
    Journal::Begun begin(std::string_view caller, std::string_view id, const Digest&, std::string_view action,
                         std::int64_t now, bool may_insert = true);
    // The new row; 0: it was not interrupted.
    std::uint64_t rerun(std::uint64_t row);
    // Its sequence; 0: the row is gone (not_started).
    std::uint64_t finish(const FinishedRow&, std::int64_t now);
    void delivered(std::uint64_t row);
    // Of a finished row.
    void replace_result(const FinishedRow&);
    std::vector<Journal::Undelivered> undelivered(std::string_view caller, std::uint64_t after,
                                                  std::size_t max_rows);
    void expire(std::int64_t now);
    // Results that changed nothing: those delivered and older than two minutes. Cheap when there are none.
    void expire_brief(std::int64_t now);
    [[nodiscard]] bool brief_due(std::int64_t now) const
    {
        return counts_.brief > 0 && now >= brief_expired_at_ + 60;
    }
    void share_among(const std::vector<std::string>& callers) { shares_.share_among(callers); }
    // A real write, in a transaction of its own. Throws what the disk refuses.
    void probe();

    // Results that the disk refused: see OwedResults.
    void owe(FinishedRow result) { owed_.add(std::move(result)); }
    [[nodiscard]] bool owes() const { return !owed_.empty(); }
    void pay(std::int64_t now);

    [[nodiscard]] std::uint64_t rows() const { return shares_.rows(); }
    [[nodiscard]] std::uint64_t bytes() const { return shares_.bytes(); }
    [[nodiscard]] std::uint64_t undelivered_rows() const { return counts_.undelivered; }

private:
    struct Counts {
        std::uint64_t undelivered = 0, brief = 0;
    };
    void count();
    void keep_counts();
    void forget_removed(base::Statement&);
    bool make_space(std::string_view caller, std::int64_t now);
    bool insert(std::string_view caller, std::string_view id, const Digest&, std::string_view action,
                std::int64_t now);
    Journal::Begun known(const base::Statement& row, std::string_view id, const Digest&) const;

    Journal::Options options_;
    base::Database db_;
    JournalStatements statements_;
    Shares shares_;
    OwedResults owed_;
    std::uint64_t next_row_ = 1, next_sequence_ = 1;
    Counts counts_;
    // The values to restore after a rollback.
    Counts committed_;
    std::int64_t expired_at_ = 0, brief_expired_at_ = 0;
};

} // namespace agenthost::host
