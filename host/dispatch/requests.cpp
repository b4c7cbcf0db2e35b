#include "requests.hpp"

#include <utility>

namespace agenthost::host {

namespace {

// A slot's strings keep this much for its next request.
constexpr std::size_t kept_capacity = 256;

void clear(std::string& s)
{
    if (s.capacity() > kept_capacity)
        std::string{}.swap(s);
    else
        s.clear();
}

} // namespace

Slot* Requests::open(Incoming& in, std::uint64_t charged, bool journalled)
{
    Slot* slot = core_.slots.acquire();
    if (!slot) return nullptr;
    const Action& action = *in.action;
    CallerRecord& record = *in.record;
    Request& r = slot->request;
    r.effects = action.manifest->effects;
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
    if (in.nested) {
        r.parent = in.nested->parent;
        r.depth = in.nested->depth;
        r.done = std::move(in.nested->done);
    }
    ++record.in_flight;
    record.memory += charged;
    return slot;
}

void Requests::keep(Slot& slot, std::string_view id, std::string_view word)
{
    Request& r = slot.request;
    if (r.linked) return;
    r.keep(id, word);
    r.linked = true;
    r.previous = Request::none;
    r.next = r.caller->first;
    if (r.next != Request::none) core_.slot_of(r.next).request.previous = r.index;
    r.caller->first = r.index;
}

void Requests::hold(Request& r, Answer answer)
{
    const std::uint64_t size = answer.data.size() + answer.message.size() + answer.error_data.size();
    r.charged += size;
    r.caller->memory += size;
    r.answer = std::make_unique<Answer>(std::move(answer));
}

void Requests::report(const Request& r, wire::Outcome outcome, std::string_view code)
{
    core_.options.on_finished({.caller = *r.caller->name,
                               .protocol = r.caller->policy().protocol,
                               .action = *r.action,
                               .id = r.wire_id,
                               .code = code,
                               .outcome = outcome,
                               .took = core_.now() - r.started,
                               .effects = r.effects,
                               .known = true});
}

void Requests::unlink(Request& r)
{
    if (r.previous != Request::none)
        core_.slot_of(r.previous).request.next = r.next;
    else
        r.caller->first = r.next;
    if (r.next != Request::none) core_.slot_of(r.next).request.previous = r.previous;
    r.linked = false;
}

// What only a request has that outlived its call.
void Requests::forget_kept(Request& r)
{
    unlink(r);
    core_.schedule.clear_deadline(r.index);
    core_.schedule.clear_pause(r.index);
    if (r.journalled) r.caller->journalled.erase(r.caller->journalled.find(r.own_id));
    clear(r.own_id);
    clear(r.own_word);
    clear(r.params);
    clear(r.target);
    r.progress_at = Clock::time_point::min();
    r.steps_sent = 0;
    r.row = r.sequence = 0;
}

void Requests::release(Slot& slot)
{
    Request& r = slot.request;
    CallerRecord& record = *r.caller;
    if (r.linked) forget_kept(r);
    r.answer.reset();
    r.done = nullptr;
    r.parent = 0;
    r.depth = 0;
    r.answered = r.answer_taken = r.cancel_wanted = r.refused = false;
    r.deadline = Clock::time_point::max();
    r.plugin = nullptr;
    --record.in_flight;
    record.memory -= r.charged;
    core_.slots.release(slot);
    if (!record.caller) core_.callers.drop_if_idle(record);
    if (drain_.started()) drain_.check_idle();
}

} // namespace agenthost::host
