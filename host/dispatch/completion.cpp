// How a request ends: the reply is claimed on whatever thread, everything else happens on the main one.
#include "dispatcher_impl.hpp"

#include "json.hpp"

namespace agenthost::host {

namespace {

constexpr std::size_t kept_capacity = 256; // of a slot's strings, for the next request in it

void clear(std::string& s)
{
    if (s.capacity() > kept_capacity)
        std::string{}.swap(s);
    else
        s.clear();
}

} // namespace

agh_status Dispatcher::Impl::complete(std::string_view plugin, agh_req id, const agh_reply& reply)
{
    Slot* slot = slots.at(id);
    std::uint64_t flags = slot ? Slots::look(*slot, id, plugin) : 0;
    if (flags) flags = Slots::claim(*slot, id);
    if (!flags) {
        close_blobs(reply);
        return AGH_E_STALE;
    }
    if (inside && inside->id == id && inside->impl == this && !slot->request.done) {
        settle(*slot, reply);
        close_blobs(reply);
    } else {
        OwnedReply copy{reply}; // before the lock
        bool post = false;
        {
            const std::lock_guard lock{inbox.mutex};
            inbox.content.completions.push_back({id, std::move(copy)});
            post = !std::exchange(inbox.posted, true);
        }
        wake(post);
    }
    if (flags & Slot::deadline) return AGH_E_DEADLINE;
    return flags & Slot::cancelled ? AGH_E_CANCELLED : AGH_OK;
}

// A claimed request and what the plugin says about it.
void Dispatcher::Impl::settle(Slot& slot, const agh_reply& reply)
{
    Request& r = slot.request;
    const std::string_view text = view(reply.json);
    if (reply.status >= 0 && !r.journalled && !r.answered && r.depth == 0 &&
        !slot.flow_used.load(std::memory_order_relaxed) && text.size() <= reply_bytes &&
        (text.empty() || json::valid(text)))
        return send_now(slot, {.id = r.wire_id,
                               .outcome = wire::Outcome::success,
                               .data = text,
                               .error = {},
                               .action = r.word});
    end(slot, answer_of(reply, *r.owner, *r.action));
}

// A nested call's: descriptors and all.
void Dispatcher::Impl::settle_call(Slot& slot, OwnedReply& reply)
{
    Request& r = slot.request;
    const agh_reply plain = reply.plain();
    const Answer answer = answer_of(plain, *r.owner, *r.action);
    if (plain.status >= 0 && answer.outcome != wire::Outcome::success) return end(slot, answer); // not JSON
    deadlines.erase(r.index);
    const wire::Result result = answer.as(r.wire_id, r.word);
    const CallDone done = std::move(r.done);
    count(result);
    finished(r, result.outcome, result.error.code);
    release(slot);
    reply.hand_over(done);
}

void Dispatcher::Impl::end(Slot& slot, Answer answer)
{
    Request& r = slot.request;
    deadlines.erase(r.index);
    if (r.done) {
        const wire::Result result = answer.as(r.wire_id, r.word);
        const CallDone done = std::move(r.done);
        count(result);
        finished(r, result.outcome, result.error.code);
        OwnedReply reply = reply_of(result);
        release(slot);
        return reply.hand_over(done);
    }
    if (r.journalled) return journal_result(slot, std::move(answer));
    if (r.answered) return release(slot); // late: the peer has had its answer
    hold(r, std::move(answer));
    send(slot);
}

void Dispatcher::Impl::hold(Request& r, Answer answer)
{
    const std::uint64_t size = answer.data.size() + answer.message.size() + answer.error_data.size();
    r.charged += size;
    r.caller->memory += size;
    r.answer = std::make_unique<Answer>(std::move(answer));
}

void Dispatcher::Impl::journal_result(Slot& slot, Answer answer)
{
    Request& r = slot.request;
    r.phase = Request::Phase::finishing;
    deadlines.erase(r.index);
    const bool changed_nothing =
        answer.outcome == wire::Outcome::error && (r.refused || code::means_nothing_was_done(answer.code));
    hold(r, std::move(answer));
    if (!r.row) return send(slot); // it ran without one: by_operator
    journal.finish(r.row, r.answer->as(r.wire_id, r.word),
                   guarded([this, id = r.id](bool, std::uint64_t sequence) {
                       Slot* at = slots.find(id);
                       if (!at) return;
                       at->request.sequence = sequence;
                       send(*at);
                   }),
                   changed_nothing);
}

void Dispatcher::Impl::send(Slot& slot)
{
    Request& r = slot.request;
    if (!flow_streams(slot)) { // what it printed comes before how it ended
        r.phase = Request::Phase::parked;
        if (!r.linked) {
            r.keep(r.wire_id, r.word);
            link(slot);
        }
        return;
    }
    send_now(slot, r.answer->as(r.wire_id, r.word));
}

void Dispatcher::Impl::send_now(Slot& slot, const wire::Result& result)
{
    Request& r = slot.request;
    CallerRecord& record = *r.caller;
    if (r.answered && (r.answer_taken || !r.journalled)) {
        if (r.sequence) journal.delivered(r.row); // one answer a command
        return release(slot);
    }
    count(result);
    if (r.sequence)
        deliver(record, result, r.row, r.sequence);
    else if (!record.caller || !record.caller->on_result(result, 0))
        ++stats.dropped_results;
    if (!r.answered) finished(r, result.outcome, result.error.code);
    release(slot);
}

void Dispatcher::Impl::count(const wire::Result& result)
{
    if (result.outcome == wire::Outcome::success)
        ++stats.succeeded;
    else
        ++stats.failed;
}

void Dispatcher::Impl::finished(const Request& r, wire::Outcome outcome, std::string_view code)
{
    if (options.on_finished)
        options.on_finished({.caller = *r.caller->name,
                             .protocol = r.caller->policy().protocol,
                             .action = *r.action,
                             .id = r.wire_id,
                             .code = code,
                             .outcome = outcome,
                             .took = now() - r.started,
                             .effects = r.effects,
                             .known = true});
}

void Dispatcher::Impl::link(Slot& slot)
{
    Request& r = slot.request;
    r.linked = true;
    r.previous = Request::none;
    r.next = r.caller->first;
    if (r.next != Request::none) slot_of(r.next).request.previous = r.index;
    r.caller->first = r.index;
}

void Dispatcher::Impl::release(Slot& slot)
{
    Request& r = slot.request;
    CallerRecord& record = *r.caller;
    if (r.linked) {
        if (r.previous != Request::none)
            slot_of(r.previous).request.next = r.next;
        else
            record.first = r.next;
        if (r.next != Request::none) slot_of(r.next).request.previous = r.previous;
        r.linked = false;
        deadlines.erase(r.index);
        pauses.erase(r.index);
        if (r.journalled) record.journalled.erase(record.journalled.find(r.own_id));
        clear(r.own_id);
        clear(r.own_word);
        clear(r.params);
        clear(r.target);
        r.progress_at = Clock::time_point::min();
        r.steps_said = 0;
        r.row = r.sequence = 0;
    }
    r.answer.reset();
    r.done = nullptr;
    r.parent = 0;
    r.depth = 0;
    r.answered = r.answer_taken = r.cancel_wanted = r.refused = false;
    r.deadline = Clock::time_point::max();
    r.plugin = nullptr;
    --record.in_flight;
    record.memory -= r.charged;
    slots.release(slot);
    if (!record.caller) drop_record_if_idle(record);
    if (draining) check_idle();
}

void Dispatcher::Impl::drop_record_if_idle(CallerRecord& record)
{
    if (record.caller || record.in_flight) return;
    stalled.erase(&record);
    auto name = std::move(record.name);
    records.erase(records.find(*name));
    slots.retire_name(std::move(name));
    slots.free_retired();
    last_caller = nullptr;
}

} // namespace agenthost::host
