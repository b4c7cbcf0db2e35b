// Carries operations and marks of delivery from the main thread to the journal's, which takes all that are
// waiting as one batch.
//
// add(), mark_delivered(), stop(), waiting(): any thread. take(): the journal's thread. Owned by Journal.
#pragma once

#include "operation.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace agenthost::host {

class JournalQueue {
public:
    struct Batch {
        std::vector<Operation> operations;
        std::vector<std::uint64_t> delivered;
        // stop() was called.
        bool last = false;
        [[nodiscard]] bool empty() const { return operations.empty() && delivered.empty(); }
    };

    void add(Operation);
    void mark_delivered(std::uint64_t row);
    void stop();
    // Operations.
    [[nodiscard]] std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

    // Waits until there is something, but no longer than `timeout`. Marks alone wait 100 ms for company:
    // losing one costs a second delivery, which the peer recognizes by its id.
    Batch take(std::chrono::milliseconds timeout);

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Operation> operations_;
    // 8 bytes each, at most the journal's rows.
    std::vector<std::uint64_t> delivered_;
    bool stopping_ = false;
    std::atomic<std::size_t> waiting_{0};
};

} // namespace agenthost::host
