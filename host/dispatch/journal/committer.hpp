// Commits a batch of operations as one transaction. When the disk refuses it, nothing of the batch has
// happened: begins are refused with the disk's reason, results are remembered until a later commit, and what
// only reads is answered.
//
// The journal's thread; add_to(): any thread; count_full(): main thread. Owned by Journal.
#pragma once

#include "disk_watch.hpp"
#include "queue.hpp"
#include "store.hpp"

#include <atomic>

namespace agenthost::host {

class Committer {
public:
    Committer(const Journal::Options&, JournalStore&, DiskWatch&);

    // Whether a commit is needed without a batch.
    [[nodiscard]] bool due(bool last) const;
    void commit(JournalQueue::Batch&);

    // A begin was refused because the queue is full. Main thread.
    void count_full() { full_.fetch_add(1, std::memory_order_relaxed); }
    // Fills in rows, undelivered, commits, full, failures and result_bytes.
    void add_to(JournalStats&) const;

private:
    [[nodiscard]] std::int64_t now() const;
    std::optional<base::DiskTrouble> attempt(JournalQueue::Batch&);
    void apply(Operation&, std::int64_t now);
    void refuse(std::vector<Operation>&, const base::DiskTrouble&);
    void read_begin(Operation&);
    void read_page(Operation&);
    void publish();

    std::string file_;
    std::function<std::chrono::system_clock::time_point()> clock_;
    JournalStore& store_;
    DiskWatch& disk_;
    std::atomic<std::uint64_t> rows_, undelivered_, result_bytes_, commits_{0}, full_{0}, failures_{0};
};

} // namespace agenthost::host
