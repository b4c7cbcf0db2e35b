#include "queue.hpp"

namespace agenthost::host {

namespace {

constexpr std::chrono::milliseconds marks_wait{100};

} // namespace

void JournalQueue::add(Operation operation)
{
    {
        const std::lock_guard lock{mutex_};
        operations_.push_back(std::move(operation));
        waiting_.store(operations_.size(), std::memory_order_relaxed);
        // The thread was notified already.
        if (operations_.size() > 1) return;
    }
    changed_.notify_one();
}

void JournalQueue::mark_delivered(std::uint64_t row)
{
    {
        const std::lock_guard lock{mutex_};
        delivered_.push_back(row);
        if (delivered_.size() > 1) return;
    }
    changed_.notify_one();
}

void JournalQueue::stop()
{
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_one();
}

JournalQueue::Batch JournalQueue::take(std::chrono::milliseconds timeout)
{
    Batch batch;
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, timeout,
                      [this] { return stopping_ || !operations_.empty() || !delivered_.empty(); });
    if (!stopping_ && operations_.empty() && !delivered_.empty())
        changed_.wait_for(lock, marks_wait, [this] { return stopping_ || !operations_.empty(); });
    batch.operations.swap(operations_);
    batch.delivered.swap(delivered_);
    batch.last = stopping_;
    waiting_.store(0, std::memory_order_relaxed);
    return batch;
}

} // namespace agenthost::host
