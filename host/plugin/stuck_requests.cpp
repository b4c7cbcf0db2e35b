#include "stuck_requests.hpp"

#include <utility>

namespace agenthost::host {

bool StuckRequests::update(const Held& held, const Manifest& manifest)
{
    std::string now;
    if (held.workers_held > 0)
        now = overdue_ + ": " + std::to_string(held.workers_held) + " of its " +
              std::to_string(held.workers) + " worker threads are held" +
              (held.all_workers ? ", and new requests are refused" : "");
    else if (held.requests)
        now = overdue_ + ": it keeps requests that nobody waits for any more";
    if (!now.empty()) {
        now += ". It runs inside the daemon, where a thread cannot be stopped: restart agenthost.";
        if (manifest.may_isolate)
            now += " With plugins." + manifest.id +
                   ".isolation: process the daemon restarts the plugin alone when this happens.";
    }
    full_ = held.all_workers;
    return std::exchange(text_, now) != now;
}

bool StuckRequests::kill(std::uint64_t life)
{
    if (std::exchange(killed_, life) == life) return false;
    text_ = overdue_ + ". Its runner is killed and started again.";
    return true;
}

void StuckRequests::clear()
{
    text_.clear();
    full_ = false;
}

} // namespace agenthost::host
