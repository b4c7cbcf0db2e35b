// Ends requests that got no reply: at the deadline, on cancellation, or when the plugin goes away. The caller
// gets an answer at once; the slot stays in use until the plugin completes the request or the cancel grace
// has passed.
//
// Main thread. Owned by Dispatcher::Impl.
#pragma once

#include "core.hpp"
#include "requests.hpp"
#include "results.hpp"

namespace agenthost::host {

class Endings {
public:
    Endings(Core& core, Requests& requests, Results& results)
        : core_{core}, requests_{requests}, results_{results}
    {}

    // All requests of the caller with this id.
    void cancel(Caller&, std::string_view id);
    void plugin_gone(const Plugin&, std::string_view why);
    void tick(Clock::time_point now);

private:
    void cancel(Slot&);
    void time_out(Slot&);
    void abandon(Slot&);
    void answer_early(Slot&, std::string_view code, std::string message, wire::Outcome);
    static wire::Outcome stopped_midway(const Request& r)
    {
        return r.effects ? wire::Outcome::unknown : wire::Outcome::error;
    }

    Core& core_;
    Requests& requests_;
    Results& results_;
};

} // namespace agenthost::host
