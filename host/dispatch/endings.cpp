// Ends that nobody replied: deadline, cancellation, a plugin that went away, the host's own shut-down.
#include "dispatcher_impl.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace agenthost::host {

namespace {

std::string text(std::chrono::nanoseconds d)
{
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
    return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

} // namespace

void Dispatcher::Impl::tick()
{
    const auto t = now();
    while (deadlines.next() <= t) {
        Slot& slot = slot_of(deadlines.first());
        if (slot.request.cancel_wanted)
            give_up(slot);
        else
            time_out(slot);
    }
    while (pauses.next() <= t) {
        Slot& slot = slot_of(pauses.first());
        pauses.erase(slot.request.index);
        flow(slot);
    }
    if (stalled_at <= t) retry_stalled();
    if (drain_until <= t) {
        drain_until = Clock::time_point::max();
        if (idle) std::exchange(idle, nullptr)();
    }
    slots.free_retired();
    arm();
}

void Dispatcher::Impl::arm()
{
    const auto next = std::min({deadlines.next(), pauses.next(), stalled_at, drain_until});
    if (next >= armed) return; // what is armed fires earlier, finds nothing due and arms anew
    armed = next;
    timer.expires_after(std::max(Clock::duration::zero(), next - now()));
    timer.async_wait(guarded([this](const boost::system::error_code& error) {
        if (error) return; // armed anew
        armed = Clock::time_point::max();
        tick();
    }));
}

// The host answers in the plugin's place; the request stays until complete() or the end of the grace.
void Dispatcher::Impl::answer_early(Slot& slot, std::string_view code, std::string message,
                                    wire::Outcome outcome)
{
    Request& r = slot.request;
    const wire::Result result{.id = r.wire_id,
                              .outcome = outcome,
                              .data = {},
                              .error = {.code = code, .message = message, .detail = {}, .data = {}},
                              .action = r.word};
    r.answered = true;
    finished(r, outcome, code);
    if (r.depth) {
        OwnedReply reply = reply_of(result);
        const CallDone done = std::exchange(r.done, nullptr);
        return reply.hand_over(done);
    }
    r.answer_taken =
        r.caller->caller && r.caller->caller->connected() && r.caller->caller->on_result(result, 0);
    if (!r.answer_taken) ++stats.dropped_results;
}

void Dispatcher::Impl::time_out(Slot& slot)
{
    Request& r = slot.request;
    const agh_req id = r.id;
    deadlines.erase(r.index);
    std::string message = *r.action + " did not end within " + text(r.deadline - r.started);
    if (r.phase == Request::Phase::beginning) {
        r.cancel_wanted = true;
        ++stats.timed_out;
        return answer_early(slot, code::timeout,
                            std::move(message) + ": it waited for the disk and was not begun",
                            wire::Outcome::not_started);
    }
    if (!Slots::mark(slot, id, Slot::deadline)) return; // its completion is on the way
    r.cancel_wanted = true;
    ++stats.timed_out;
    deadlines.set(r.index, now() + r.caller->policy().cancel_grace);
    if (r.effects) message += "; it was told to stop, and part of it may have been done";
    Plugin* plugin = r.plugin;
    answer_early(slot, code::timeout, std::move(message),
                 r.effects ? wire::Outcome::unknown : wire::Outcome::error);
    if (plugin) plugin->cancel(id);
}

void Dispatcher::Impl::cancel(Caller& caller, std::string_view id)
{
    CallerRecord* record = find(caller);
    if (!record || id.empty()) return;
    std::vector<agh_req> meant;
    each_of(*record, [&](Slot& slot) {
        if (!slot.request.depth && slot.request.wire_id == id) meant.push_back(slot.request.id);
    });
    for (const agh_req request : meant)
        if (Slot* slot = slots.find(request)) cancel(*slot);
}

void Dispatcher::Impl::cancel(Slot& slot)
{
    Request& r = slot.request;
    const agh_req id = r.id;
    if (r.cancel_wanted) return;
    if (r.phase == Request::Phase::beginning) {
        r.cancel_wanted = true;
        ++stats.cancelled;
        deadlines.erase(r.index);
        return answer_early(slot, code::cancelled, *r.action + " was cancelled before it began",
                            wire::Outcome::not_started);
    }
    if (!Slots::mark(slot, id, Slot::cancelled)) return; // it has ended
    r.cancel_wanted = true;
    ++stats.cancelled;
    deadlines.set(r.index, now() + r.caller->policy().cancel_grace);
    std::vector<agh_req> children; // nobody waits for them any more
    each_of(*r.caller, [&](Slot& other) {
        if (other.request.parent == id) children.push_back(other.request.id);
    });
    Plugin* plugin = r.plugin;
    answer_early(slot, code::cancelled,
                 *r.action + " was cancelled" + (r.effects ? "; part of it may have been done" : ""),
                 r.effects ? wire::Outcome::unknown : wire::Outcome::error);
    if (plugin) plugin->cancel(id);
    for (const agh_req child : children)
        if (Slot* at = slots.find(child)) cancel(*at);
    arm();
}

// Told to stop, and nothing came within the grace.
void Dispatcher::Impl::give_up(Slot& slot)
{
    Request& r = slot.request;
    deadlines.erase(r.index);
    if (!Slots::claim(slot, r.id)) return; // its completion is on the way
    const std::string what = *r.action + " did not end within " + text(r.caller->policy().cancel_grace) +
                             " after it was told to stop";
    Plugin* plugin = r.plugin;
    const agh_req id = r.id;
    end(slot, {.outcome = r.effects ? wire::Outcome::unknown : wire::Outcome::error,
               .data = {},
               .code = std::string{code::timeout},
               .message = what,
               .detail = {},
               .error_data = {}});
    if (plugin) plugin->overdue(id, what);
}

void Dispatcher::Impl::plugin_gone(const Plugin& plugin, std::string_view why)
{
    std::vector<agh_req> its;
    for (const auto& [name, record] : records)
        each_of(*record, [&](Slot& slot) {
            if (slot.request.plugin == &plugin) its.push_back(slot.request.id);
        });
    for (const agh_req id : its) {
        Slot* slot = slots.find(id);
        if (!slot) continue;
        Request& r = slot->request;
        r.plugin = nullptr;
        if (r.phase != Request::Phase::running || !Slots::claim(*slot, id))
            continue; // not begun, or its completion is on the way
        end(*slot,
            {.outcome = r.effects ? wire::Outcome::unknown : wire::Outcome::error,
             .data = {},
             .code = std::string{code::internal},
             .message =
                 "plugin " + *r.owner + " stopped while " + *r.action + " was running: " + std::string{why},
             .detail = r.effects
                           ? "Part of it may have been done: look before sending it again under a new id."
                           : "Send it again.",
             .error_data = {}});
    }
}

void Dispatcher::Impl::drain(std::chrono::milliseconds grace, std::function<void()> when_idle)
{
    draining = true;
    idle = std::move(when_idle);
    drain_until = now() + grace;
    check_idle();
    arm();
}

void Dispatcher::Impl::check_idle()
{
    if (slots.in_use() > 0 || !idle) return;
    boost::asio::post(main, guarded([this] { // not from inside whatever ended last
                          if (slots.in_use() == 0 && idle) std::exchange(idle, nullptr)();
                      }));
}

} // namespace agenthost::host
