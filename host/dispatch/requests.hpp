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
    Slot* open(Incoming& in, std::uint64_t charged, bool journalled)
    {
        Slot* slot = core_.slots.acquire();
        if (!slot) return nullptr;
        const Action& action = *in.action;
        CallerRecord& record = *in.record;
        Request& r = slot->request;
        r.effects = action.manifest->effects;
        r.audited = action.manifest->audited;
        r.idempotent = action.manifest->idempotent;
        r.journalled = journalled;
        r.caller = &record;
        r.plugin = action.plugin;
        r.action = action.full_name;
        r.owner = action.owner;
        r.started = in.started;
        r.deadline = in.deadline;
        r.charged = charged;
        r.wire_id = in.command.id;
        r.word = in.command.action;
        if (in.nested) nest(r, *in.nested);
        ++record.in_flight;
        record.memory += charged;
        return slot;
    }
    // The request outlives the call that brought it: copies its id and word, and adds it to its caller's
    // list.
    void keep(Slot&, std::string_view id, std::string_view word);
    // The answer waits and counts as its caller's memory.
    void hold(Request&, Answer);
    void release(Slot& slot)
    {
        Request& r = slot.request;
        CallerRecord& record = *r.caller;
        if (r.linked) forget_kept(r);
        if (r.depth) forget_nested(r);
        r.answer.reset();
        r.phase = Request::Phase::running;
        r.answered = r.answer_taken = r.cancel_wanted = r.refused = r.repeat = false;
        r.plugin = nullptr;
        --record.in_flight;
        record.memory -= r.charged;
        core_.slots.release(slot);
        if (!record.caller && record.in_flight == 0) drop_later(record);
        if (drain_.started()) drain_.check_idle();
    }
    // From the main loop, if it is idle then: what called this may still use the record.
    void drop_later(const CallerRecord&);

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
    void nest(Request&, NestedCall&);
    void forget_kept(Request&);
    void forget_nested(Request&);

    Core& core_;
    Drain& drain_;
};

} // namespace agenthost::host
