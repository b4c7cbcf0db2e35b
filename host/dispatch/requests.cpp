#include "requests.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace agenthost::host {

namespace {

// A slot's strings keep this much for its next request.
constexpr std::size_t max_kept_capacity = 256;

void clear(std::string& s)
{
    if (s.capacity() > max_kept_capacity)
        std::string{}.swap(s);
    else
        s.clear();
}

} // namespace

void Requests::nest(Request& r, NestedCall& call)
{
    r.parent = call.parent;
    r.depth = call.depth;
    r.done = std::move(call.done);
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
                               .audited = r.audited,
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

// Clears what only a request has that outlived submit().
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

void Requests::forget_nested(Request& r)
{
    r.parent = 0;
    r.depth = 0;
    r.done = nullptr;
}

void Requests::drop_later(const CallerRecord& record)
{
    boost::asio::post(core_.main, core_.alive.guard([this, name = *record.name] {
        if (CallerRecord* found = core_.callers.named(name)) core_.callers.drop_if_idle(*found);
    }));
}

} // namespace agenthost::host
