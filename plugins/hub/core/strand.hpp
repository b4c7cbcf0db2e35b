// Owns the hub's lock and its outbox.
//
// One lock guards all state of the hub. Nothing outside the hub is called while it is held: effects (a frame,
// an answer, a log line) are posted, and the thread that releases the lock runs them, in order, one thread at
// a time. So a callback may come from any thread, even from inside a call into the daemon.
//
// Any thread. Owned by Core.
#pragma once

#include "work_ref.hpp"

#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace agenthost::hub {

class Strand {
public:
    using Work = std::function<void()>;

    // `failed` is called for an effect that threw, outside the lock. What it throws itself is ignored.
    explicit Strand(std::function<void(const std::exception&)> failed) : failed_{std::move(failed)} {}
    // Runs under the lock after each work item.
    void on_leaving(Work leaving) { leaving_ = std::move(leaving); }

    // Runs `work` under the lock. Afterwards runs the effects in the outbox, unless another thread is doing
    // so: then that thread runs them, so that effects keep the order in which they were posted.
    void run(WorkRef work) OUTSIDE_LOCK;
    // Posts an effect to run after the lock is released.
    void post(Work effect) UNDER_LOCK { outbox_.push_back(std::move(effect)); }

private:
    void carry_out(const Work& effect) noexcept OUTSIDE_LOCK;
    void report(const std::exception&) noexcept OUTSIDE_LOCK;

    std::mutex mutex_;
    std::vector<Work> outbox_ GUARDED;
    bool carrying_out_ GUARDED = false;
    Work leaving_;
    const std::function<void(const std::exception&)> failed_;
};

} // namespace agenthost::hub
