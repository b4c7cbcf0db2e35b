// Delivers journalled results to their callers, in the order in which they were finished, on the newest
// connection. A caller that has received everything older gets a result directly; otherwise pages from the
// journal bring it.
//
// "interrupted" is the last resort for an action that may run again: servers of some protocols repeat what was
// pending when they are connected again, and get its own result then. So it is held back for 5 s after the
// connection, and sent, out of order, if no repeat has come. If it is the plugin that was interrupted, by a reload or
// by a crash of its runner, the connection goes on and the server has no reason to repeat anything: such a command is
// run again when the plugin is back (reruns.hpp), and its "interrupted" is held back until then.
//
// Main thread. Owned by Dispatcher::Impl.
#pragma once

#include "core.hpp"
#include "reruns.hpp"

#include <algorithm>
#include <set>

namespace agenthost::host {

class Outbox {
public:
    Outbox(Core& core, const Reruns& reruns) : core_{core}, reruns_{reruns} {}

    // A caller was attached, has connected (again), or was detached.
    void attached(CallerRecord&);
    void connected(CallerRecord&);
    void detached(CallerRecord&);
    // The caller can take results again.
    void resume(CallerRecord&);

    // A result that was just finished. If it cannot be sent now, a page brings it later.
    void deliver(CallerRecord&, const wire::Result&, std::uint64_t row, std::uint64_t sequence);

    // Asks again for callers that were full and never reported that they are writable.
    void tick(Clock::time_point now);
    [[nodiscard]] Clock::time_point due() const { return std::min(retry_at_, hold_ends_at_); }

private:
    void start_over(CallerRecord&, bool live);
    void next_page(CallerRecord&);
    void send_page(CallerRecord&, const std::vector<Journal::Undelivered>&);
    void stall(CallerRecord&);
    void forget(CallerRecord&);
    [[nodiscard]] bool is_held(const CallerRecord&, const StoredResult&) const;
    void hold(CallerRecord&, std::uint64_t sequence);
    void send_held(CallerRecord&);

    Core& core_;
    const Reruns& reruns_;
    // Records that have a caller.
    std::set<CallerRecord*> stalled_, holding_;
    Clock::time_point retry_at_ = Clock::time_point::max(), hold_ends_at_ = Clock::time_point::max();
};

} // namespace agenthost::host
