#include "endings.hpp"

#include "host/plugin/plugin.hpp"

#include <utility>

namespace agenthost::host {

namespace {

std::string text(std::chrono::nanoseconds d)
{
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
    return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

} // namespace

void Endings::tick(Clock::time_point now)
{
    while (core_.schedule.deadline_due(now)) {
        Slot& slot = core_.slot_of(core_.schedule.first_deadline());
        if (slot.request.cancel_wanted)
            abandon(slot);
        else
            time_out(slot);
    }
}

void Endings::answer_early(Slot& slot, std::string_view code, std::string message, wire::Outcome outcome)
{
    Request& r = slot.request;
    const wire::Result result{.id = r.wire_id,
                              .outcome = outcome,
                              .data = {},
                              .error = {.code = code, .message = message, .detail = {}, .data = {}},
                              .action = r.word};
    r.answered = true;
    requests_.finished(r, outcome, code);
    if (r.depth) {
        OwnedReply reply = reply_of(result);
        const CallDone done = std::exchange(r.done, nullptr);
        return reply.hand_over(done);
    }
    r.answer_taken =
        r.caller->reachable() && r.caller->tell([&](Caller& caller) { return caller.on_result(result, 0); });
    if (!r.answer_taken) ++core_.stats.dropped_results;
}

void Endings::time_out(Slot& slot)
{
    Request& r = slot.request;
    const agh_req id = r.id;
    core_.schedule.clear_deadline(r.index);
    std::string message = *r.action + " did not end within " + text(r.deadline - r.started);
    if (r.phase == Request::Phase::beginning) {
        r.cancel_wanted = true;
        ++core_.stats.timed_out;
        return answer_early(slot, code::timeout,
                            std::move(message) + ": it waited for the disk and was not begun",
                            wire::Outcome::not_started);
    }
    // Not marked: its completion is on the way.
    if (!Slots::mark(slot, id, Slot::deadline)) return;
    r.cancel_wanted = true;
    ++core_.stats.timed_out;
    core_.schedule.set_deadline(r.index, core_.now() + r.caller->policy().cancel_grace);
    if (r.effects) message += "; it was told to stop, and part of it may have been done";
    Plugin* plugin = r.plugin;
    answer_early(slot, code::timeout, std::move(message), stopped_midway(r));
    if (plugin) plugin->cancel(id);
}

void Endings::cancel(Caller& caller, std::string_view id)
{
    CallerRecord* record = core_.callers.find(caller);
    if (!record || id.empty()) return;
    const auto meant = requests_.ids_of(
        *record, [id](const Slot& slot) { return !slot.request.depth && slot.request.wire_id == id; });
    for (const agh_req request : meant)
        if (Slot* slot = core_.slots.find(request)) cancel(*slot);
}

void Endings::cancel(Slot& slot)
{
    Request& r = slot.request;
    const agh_req id = r.id;
    if (r.cancel_wanted) return;
    if (r.phase == Request::Phase::beginning) {
        r.cancel_wanted = true;
        ++core_.stats.cancelled;
        core_.schedule.clear_deadline(r.index);
        return answer_early(slot, code::cancelled, *r.action + " was cancelled before it began",
                            wire::Outcome::not_started);
    }
    // Not marked: it has ended.
    if (!Slots::mark(slot, id, Slot::cancelled)) return;
    r.cancel_wanted = true;
    ++core_.stats.cancelled;
    core_.schedule.set_deadline(r.index, core_.now() + r.caller->policy().cancel_grace);
    // Its nested calls are not needed any more.
    const auto children =
        requests_.ids_of(*r.caller, [id](const Slot& other) { return other.request.parent == id; });
    Plugin* plugin = r.plugin;
    answer_early(slot, code::cancelled,
                 *r.action + " was cancelled" + (r.effects ? "; part of it may have been done" : ""),
                 stopped_midway(r));
    if (plugin) plugin->cancel(id);
    for (const agh_req child : children)
        if (Slot* found = core_.slots.find(child)) cancel(*found);
}

// It was told to stop, and did not complete within the cancel grace.
void Endings::abandon(Slot& slot)
{
    Request& r = slot.request;
    core_.schedule.clear_deadline(r.index);
    // Not claimed: its completion is on the way.
    if (!Slots::claim(slot, r.id)) return;
    const std::string what = *r.action + " did not end within " + text(r.caller->policy().cancel_grace) +
                             " after it was told to stop";
    Plugin* plugin = r.plugin;
    const agh_req id = r.id;
    results_.end(slot, {.outcome = stopped_midway(r),
                        .data = {},
                        .code = std::string{code::timeout},
                        .message = what,
                        .detail = {},
                        .error_data = {}});
    if (plugin) plugin->overdue(id, what);
}

void Endings::plugin_gone(const Plugin& plugin, std::string_view why)
{
    std::vector<agh_req> its_requests;
    core_.callers.each([&](const CallerRecord& record) {
        requests_.each_of(record, [&](const Slot& slot) {
            if (slot.request.plugin == &plugin) its_requests.push_back(slot.request.id);
        });
    });
    for (const agh_req id : its_requests) {
        Slot* slot = core_.slots.find(id);
        if (!slot) continue;
        Request& r = slot->request;
        r.plugin = nullptr;
        // Not begun, or its completion is on the way.
        if (r.phase != Request::Phase::running || !Slots::claim(*slot, id)) continue;
        // It runs again when the plugin does, once: it may be what the plugin died of.
        const bool again = r.journalled && r.idempotent && !r.repeat;
        results_.end(
            *slot,
            {.outcome = again ? wire::Outcome::interrupted : stopped_midway(r),
             .data = {},
             .code = std::string{again ? code::interrupted : code::internal},
             .message =
                 "plugin " + *r.owner + " stopped while " + *r.action + " was running: " + std::string{why},
             .detail = r.effects
                           ? "Part of it may have been done: look before sending it again under a new id."
                           : "Send it again.",
             .error_data = {}});
    }
}

} // namespace agenthost::host
