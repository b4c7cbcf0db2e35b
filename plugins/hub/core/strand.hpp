// Owns the hub's lock and its outbox.
//
// One lock guards all state of the hub. Nothing outside is called while it is held: what the parts want done (a frame, an answer, a log
// line) is posted, and the thread that leaves the lock carries it out, in order, one thread at a time. So a callback may come
// from any thread, also from inside a call into the daemon. Any thread.
#pragma once

#include "lock.hpp"

#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace agenthost::hub {

class Strand {
public:
    using Work = std::function<void()>;

    // `failed` is told of an effect that threw, outside the lock.
    explicit Strand(std::function<void(const std::exception&)> failed) : failed_{std::move(failed)} {}
    // Runs under the lock after each work.
    void on_leaving(Work leaving) { leaving_ = std::move(leaving); }

    // Takes the lock, runs `work`, lets go. Then carries out what is in the outbox, unless another thread is at it: then that one does,
    // so that everything leaves in the order in which it was decided.
    void run(const Work& work) OUTSIDE_LOCK;
    // An effect for when the lock is left.
    void post(Work effect) UNDER_LOCK { outbox_.push_back(std::move(effect)); }

private:
    void carry_out(const Work& effect) OUTSIDE_LOCK;

    std::mutex mutex_;
    std::vector<Work> outbox_ GUARDED;
    bool carrying_out_ GUARDED = false;
    Work leaving_;
    const std::function<void(const std::exception&)> failed_;
};

} // namespace agenthost::hub
