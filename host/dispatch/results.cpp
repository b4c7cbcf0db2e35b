#include "results.hpp"

#include "json.hpp"

#include <utility>

namespace agenthost::host {

constinit thread_local const Results::Invoking* Results::invoking_ = nullptr;

agh_status Results::complete(std::string_view plugin, agh_req id, const agh_reply& reply)
{
    Slot* slot = core_.slots.at(id);
    std::uint64_t flags = slot ? Slots::look(*slot, id, plugin) : 0;
    if (flags) flags = Slots::claim(*slot, id);
    if (!flags) {
        close_blobs(reply);
        return AGH_E_STALE;
    }
    if (is_invoking(id) && ends_here(slot->request)) {
        settle(*slot, reply);
        close_blobs(reply);
    } else
        core_.inbox.add(Completion{id, OwnedReply{reply}});
    if (flags & Slot::deadline) return AGH_E_DEADLINE;
    return flags & Slot::cancelled ? AGH_E_CANCELLED : AGH_OK;
}

void Results::receive(Completion& completion)
{
    // A claimed slot stays in use until its completion is received here.
    Slot* slot = core_.slots.find(completion.id);
    if (!slot) return;
    if (slot->request.done)
        settle_call(*slot, completion.reply);
    else
        settle(*slot, completion.reply.plain());
}

// Ends a claimed request with the plugin's reply.
void Results::settle(Slot& slot, const agh_reply& reply)
{
    Request& r = slot.request;
    const std::string_view text = view(reply.json);
    if (reply.status >= 0 && !r.journalled && !r.answered && r.depth == 0 &&
        !slot.flow_used.load(std::memory_order_relaxed) && text.size() <= max_reply_bytes &&
        (text.empty() || json::valid(text)))
        return send_now(slot, {.id = r.wire_id,
                               .outcome = wire::Outcome::success,
                               .data = text,
                               .error = {},
                               .action = r.word});
    end(slot, answer_of(reply, *r.owner, *r.action));
}

// Passes on a nested call's reply with its descriptors.
void Results::settle_call(Slot& slot, OwnedReply& reply)
{
    const Request& r = slot.request;
    const agh_reply plain = reply.plain();
    Answer answer = answer_of(plain, *r.owner, *r.action);
    // A success that is not JSON.
    if (plain.status >= 0 && answer.outcome != wire::Outcome::success) return end(slot, std::move(answer));
    end_call(slot, answer.as(r.wire_id, r.word), std::move(reply));
}

void Results::end_call(Slot& slot, const wire::Result& result, OwnedReply reply)
{
    Request& r = slot.request;
    core_.schedule.clear_deadline(r.index);
    const CallDone done = std::move(r.done);
    requests_.count(result);
    requests_.finished(r, result.outcome, result.error.code);
    requests_.release(slot);
    reply.hand_over(done);
}

void Results::end(Slot& slot, Answer answer)
{
    Request& r = slot.request;
    if (r.done) {
        const wire::Result result = answer.as(r.wire_id, r.word);
        return end_call(slot, result, reply_of(result));
    }
    core_.schedule.clear_deadline(r.index);
    if (r.journalled) return journal(slot, std::move(answer));
    // The peer already has an answer: this one is too late.
    if (r.answered) return requests_.release(slot);
    requests_.hold(r, std::move(answer));
    send(slot);
}

void Results::journal(Slot& slot, Answer answer)
{
    Request& r = slot.request;
    r.phase = Request::Phase::finishing;
    core_.schedule.clear_deadline(r.index);
    const bool changed_nothing =
        answer.outcome == wire::Outcome::error && (r.refused || code::means_nothing_was_done(answer.code));
    if (answer.outcome == wire::Outcome::interrupted) reruns_.remember(r);
    requests_.hold(r, std::move(answer));
    // The operator's command ran without a row.
    if (!r.row) return send(slot);
    core_.journal.finish(r.row, r.answer->as(r.wire_id, r.word),
                         core_.alive.guard([this, id = r.id](bool, std::uint64_t sequence) {
                             Slot* found = core_.slots.find(id);
                             if (!found) return;
                             found->request.sequence = sequence;
                             send(*found);
                         }),
                         changed_nothing);
}

// Sends the held answer after everything that the request has streamed.
void Results::send(Slot& slot)
{
    Request& r = slot.request;
    if (!flows_.send_streams(slot)) {
        r.phase = Request::Phase::parked;
        return requests_.keep(slot, r.wire_id, r.word);
    }
    send_now(slot, r.answer->as(r.wire_id, r.word));
}

void Results::send_now(Slot& slot, const wire::Result& result)
{
    Request& r = slot.request;
    CallerRecord& record = *r.caller;
    if (r.answered && (r.answer_taken || !r.journalled)) {
        // One answer to each command.
        if (r.sequence) core_.journal.delivered(r.row);
        return requests_.release(slot);
    }
    requests_.count(result);
    if (r.sequence)
        outbox_.deliver(record, result, r.row, r.sequence);
    else if (!record.caller || !record.tell([&](Caller& caller) { return caller.on_result(result, 0); }))
        ++core_.stats.dropped_results;
    if (!r.answered) requests_.finished(r, result.outcome, result.error.code);
    requests_.release(slot);
}

} // namespace agenthost::host
