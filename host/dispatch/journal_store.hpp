// The journal's tables and statements: what a row is and how it changes. Blocking; one thread at a time; who
// calls commits.
//
// `bytes` of a row: its texts and 256 for the rest. `brief`: its result changed nothing.
#pragma once

#include "journal.hpp"

#include "base/sqlite.hpp"

#include <map>
#include <unordered_map>

namespace agenthost::host {

// A result with memory of its own.
struct FinishedRow {
    std::uint64_t row = 0;
    wire::Outcome outcome = wire::Outcome::success;
    std::string data, code, message, detail, error_data;
    bool changed_nothing = false;
};

class JournalStore {
public:
    // Opens, refuses what it does not know, marks what was running. Throws std::runtime_error: what, where,
    // how to fix.
    explicit JournalStore(const Journal::Options&);

    void open_transaction() { db_.exec("BEGIN IMMEDIATE"); }
    void commit(); // throws: then roll back
    void roll_back() noexcept;

    // `may_insert` false: only what is known already is told; else Begin::failed.
    Journal::Begun begin(std::string_view caller, std::string_view id, const Digest&, std::string_view action,
                         std::int64_t now, bool may_insert = true);
    std::uint64_t rerun(std::uint64_t row); // the new row; 0: it was not interrupted
    std::uint64_t finish(const FinishedRow&,
                         std::int64_t now); // its sequence; 0: the row is gone (not_started)
    void delivered(std::uint64_t row);
    void replace_result(const FinishedRow&); // of a finished row
    std::vector<Journal::Undelivered> undelivered(std::string_view caller, std::uint64_t after,
                                                  std::size_t most);
    void expire(std::int64_t now);
    // Of results that changed nothing: those delivered and older than two minutes. Cheap when there are none.
    void expire_brief(std::int64_t now);
    [[nodiscard]] bool brief_due(std::int64_t now) const { return brief_rows_ > 0 && now >= brief_at_ + 60; }
    void share_among(const std::vector<std::string>& callers);
    void probe(); // a real write, in a commit of its own; throws what the disk says

    // What the disk refused: kept here, answered from here, written with the next commit that works.
    void owe(FinishedRow);
    [[nodiscard]] bool owes() const { return !owed_.empty(); }
    void pay(std::int64_t now);

    [[nodiscard]] std::uint64_t rows() const { return rows_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t undelivered_rows() const { return undelivered_; }

private:
    void check_version(const std::string& file);
    void create();
    void upgrade();
    void prepare();
    void mark_interrupted(std::int64_t now);
    void count();
    StoredResult read_result(const base::Statement&) const;

    struct Usage { // of one caller
        std::uint64_t rows = 0, bytes = 0;
        bool shares = false;
    };
    Usage& usage_of(std::string_view caller);
    void change(std::string_view caller, std::int64_t rows, std::int64_t bytes);
    void removed(base::Statement&); // each row: caller, bytes, undelivered, brief
    bool has_room(const Usage&) const;
    bool make_room(std::string_view caller, std::int64_t now);
    std::string no_room(std::string_view caller) const;

    static constexpr std::size_t owed_most =
        4096; // results; a disk that refuses takes no new work, so this is what was running

    Journal::Options options_;
    base::Database db_;
    base::Statement insert_, find_, rerun_, finish_, remove_, delivered_statement_, replace_, page_, expire_,
        expire_brief_, trim_;
    std::uint64_t next_row_ = 1, next_sequence_ = 1, rows_ = 0, bytes_ = 0, undelivered_ = 0, brief_rows_ = 0;
    std::uint64_t committed_undelivered_ = 0, committed_brief_ = 0; // to return to on a roll back
    std::int64_t expired_at_ = 0, brief_at_ = 0;
    std::map<std::string, Usage, std::less<>> usage_; // bound: callers ever seen by this process
    std::uint64_t sharing_ = 0;                       // of usage_
    struct Change {
        Usage* usage;
        std::int64_t rows, bytes;
    };
    std::vector<Change> changes_; // of the open transaction
    std::unordered_map<std::uint64_t, FinishedRow> owed_;
    std::vector<std::uint64_t> paid_; // in the open transaction
};

} // namespace agenthost::host
