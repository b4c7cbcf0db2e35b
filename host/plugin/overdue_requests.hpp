// Remembers the requests that the host has given up and the plugin has not completed. Thread-safe.
#pragma once

#include <agenthost/abi.h>

#include <deque>
#include <mutex>
#include <set>

namespace agenthost::host {

class OverdueRequests {
public:
    // Dispatch admits far fewer.
    static constexpr std::size_t max_held = 4096;
    // Completions of ids that never become overdue are among them.
    static constexpr std::size_t max_ended_late = 64;

    enum class Added {
        held,           // until ended()
        ended,          // it has ended before
        ended_uncounted // the same, and it still counts as in flight
    };
    // The plugin has not completed this request within its time and the grace period.
    Added add(agh_req);
    // A request that the host has given up has ended. `counted`: it no longer counts as in flight. Returns
    // false if add() has not been called yet, by another thread.
    bool ended(agh_req, bool counted);
    // Whether any is held.
    [[nodiscard]] bool any() const;

private:
    struct EndedLate {
        agh_req id;
        bool counted;
    };
    mutable std::mutex mutex_;
    std::set<agh_req> held_;
    // Requests that ended after the host gave them up and before add().
    std::deque<EndedLate> ended_late_;
};

} // namespace agenthost::host
