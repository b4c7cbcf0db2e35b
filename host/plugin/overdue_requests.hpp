// Remembers the requests that the host has given up and the plugin has not completed. Thread-safe.
#pragma once

#include <agenthost/abi.h>

#include <deque>
#include <mutex>
#include <set>

namespace agenthost::host {

class OverdueRequests {
public:
    // Dispatch admits far fewer requests at once.
    static constexpr std::size_t max_held = 4096;
    // Completions of ids that never become overdue are among them.
    static constexpr std::size_t max_ended_late = 64;

    enum class Added {
        held,           // until ended()
        ended,          // it had ended already
        ended_uncounted // and whoever counts the requests in flight does not know yet
    };
    // The plugin has had its time for this request and the grace after it.
    Added add(agh_req);
    // A request that the host gave up has ended; `counted`: it is no longer counted as in flight. False: add() is still to come, from
    // another thread.
    bool ended(agh_req, bool counted);
    // Is any of them held?
    [[nodiscard]] bool any() const;

private:
    struct EndedLate {
        agh_req id;
        bool counted;
    };
    mutable std::mutex mutex_;
    std::set<agh_req> held_;
    // Ended between the moment the host gave a request up and its add().
    std::deque<EndedLate> ended_late_;
};

} // namespace agenthost::host
