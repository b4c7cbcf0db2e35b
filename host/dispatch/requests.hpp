// Opens and releases requests, and keeps their callers' accounts: commands in flight, memory, the list of
// requests, the audit log.
//
// Main thread. Owned by Dispatcher::Impl.
#pragma once

#include "core.hpp"
#include "drain.hpp"
#include "incoming.hpp"

namespace agenthost::host {

class Requests {
public:
    Requests(Core& core, Drain& drain) : core_{core}, drain_{drain} {}

    // For an action of a plugin. nullptr: all slots are in use. `charged`: bytes of the command.
    Slot* open(Incoming&, std::uint64_t charged, bool journalled);
    // The request outlives the call that brought it: copies its id and word, and adds it to its caller's
    // list.
    void keep(Slot&, std::string_view id, std::string_view word);
    // The answer waits and counts as its caller's memory.
    void hold(Request&, Answer);
    void release(Slot&);

    void count(const wire::Result& result)
    {
        ++(result.outcome == wire::Outcome::success ? core_.stats.succeeded : core_.stats.failed);
    }
    void finished(const Request& r, wire::Outcome outcome, std::string_view code)
    {
        if (core_.options.on_finished) report(r, outcome, code);
    }

    // Calls `use` with each kept request of a caller; it may release that request.
    template <class Use> void each_of(const CallerRecord& record, Use use)
    {
        for (std::uint32_t at = record.first; at != Request::none;) {
            Slot& slot = core_.slot_of(at);
            at = slot.request.next;
            use(slot);
        }
    }
    // The ids of those that `wanted` selects, for a loop whose body may release any of them.
    template <class Wanted> std::vector<agh_req> ids_of(const CallerRecord& record, Wanted wanted)
    {
        std::vector<agh_req> ids;
        each_of(record, [&](Slot& slot) {
            if (wanted(slot)) ids.push_back(slot.request.id);
        });
        return ids;
    }

private:
    void report(const Request&, wire::Outcome, std::string_view code);
    void unlink(Request&);
    void forget_kept(Request&);

    Core& core_;
    Drain& drain_;
};

} // namespace agenthost::host
