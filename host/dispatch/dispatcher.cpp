#include "dispatcher_impl.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::host {

Dispatcher::Impl::Impl(boost::asio::any_io_executor main, Registry& registry, Journal& journal,
                       Options options)
    : core{std::move(main),           registry,          journal, std::move(options),
           [this] { empty_inbox(); }, [this] { tick(); }},
      drain{core}, requests{core, drain}, flows{core}, reruns{core}, outbox{core, reruns},
      results{core, requests, flows, reruns, outbox}, endings{core, requests, results},
      invocation{core, requests, results}, journalled_start{core, requests, invocation}, responder{core},
      builtins{core, responder}, admission{core,     drain,      requests,        responder,
                                           builtins, invocation, journalled_start},
      nested_calls{core, admission, responder}, fan_out{core}, attachment{core, requests, results, outbox,
                                                                          fan_out}
{}

void Dispatcher::Impl::empty_inbox()
{
    Inbox::Content content = core.inbox.take();
    // What a request has streamed comes before its completion.
    for (const agh_req id : content.flows)
        if (Slot* slot = core.slots.find(id)) results.advance(*slot);
    for (Completion& completion : content.completions) results.receive(completion);
    for (const EmittedEvent& event : content.events) fan_out.send(event);
    for (NestedCall& call : content.calls) nested_calls.start(std::move(call));
}

void Dispatcher::Impl::tick()
{
    const auto now = core.now();
    endings.tick(now);
    while (core.schedule.pause_due(now)) {
        Slot& slot = core.slot_of(core.schedule.first_pause());
        core.schedule.clear_pause(slot.request.index);
        results.advance(slot);
    }
    outbox.tick(now);
    reruns.tick(now);
    drain.tick(now);
    core.slots.free_retired();
    core.schedule.wake_at(std::min({core.schedule.next(), outbox.due(), reruns.due(), drain.due()}));
}

Dispatcher::Dispatcher(boost::asio::any_io_executor main, Registry& registry, Journal& journal,
                       Options options)
    : impl_{std::make_unique<Impl>(std::move(main), registry, journal, std::move(options))}
{}
Dispatcher::~Dispatcher() = default;

void Dispatcher::attach(std::shared_ptr<Caller> caller) { impl_->attachment.attach(std::move(caller)); }
void Dispatcher::detach(const Caller& caller) { impl_->attachment.detach(caller); }
void Dispatcher::connected(Caller& caller) { impl_->attachment.connected(caller); }
void Dispatcher::delivered(Caller&, std::uint64_t outbox) { impl_->core.journal.delivered(outbox); }
void Dispatcher::replace_result(std::uint64_t outbox, const wire::Result& instead)
{
    impl_->core.journal.replace_result(outbox, instead);
}
void Dispatcher::writable(Caller& caller) { impl_->attachment.writable(caller); }
void Dispatcher::submit(Caller& caller, const wire::Command& command)
{
    impl_->admission.submit(caller, command);
}
void Dispatcher::cancel(Caller& caller, std::string_view id) { impl_->endings.cancel(caller, id); }
void Dispatcher::plugin_gone(const Plugin& plugin, std::string_view why)
{
    impl_->endings.plugin_gone(plugin, why);
}
void Dispatcher::plugin_back(const std::string& plugin)
{
    // An earlier run's row may be on its way to the disk. What the journal is asked now, it answers after that.
    const auto run = [this, plugin](const std::vector<Journal::Undelivered>&) {
        for (const Reruns::Command& command : impl_->reruns.take(plugin)) impl_->admission.run_again(command);
    };
    impl_->core.journal.undelivered({}, 0, 1, impl_->core.alive.guard(run));
}
void Dispatcher::drain(std::chrono::milliseconds grace, std::function<void()> idle)
{
    impl_->drain.start(grace, std::move(idle));
}
void Dispatcher::tick() { impl_->tick(); }

agh_status Dispatcher::complete(std::string_view plugin, agh_req request, const agh_reply* reply)
{
    return reply ? impl_->results.complete(plugin, request, *reply) : AGH_E_INVALID;
}

agh_status Dispatcher::progress(std::string_view plugin, agh_req request, std::string_view json)
{
    return impl_->flows.progress(plugin, request, json);
}

agh_status Dispatcher::stream(std::string_view plugin, agh_req request, std::uint32_t channel,
                              std::uint64_t offset, std::string_view bytes)
{
    return impl_->flows.stream(plugin, request, channel, offset, bytes);
}

bool Dispatcher::cancelled(agh_req request) const
{
    const Slot* slot = impl_->core.slots.at(request);
    if (!slot) return true;
    const std::uint64_t word = slot->word.load(std::memory_order_relaxed);
    return word >> 8 != request >> 16 || (word & 0xff) != Slot::open;
}

std::string Dispatcher::caller_of(agh_req request) const { return impl_->core.slots.caller_of(request); }

std::string Dispatcher::caller_of(agh_req request, std::string_view plugin) const
{
    const Slot* slot = impl_->core.slots.at(request);
    const bool own = slot && Slots::look(*slot, request, plugin) != 0;
    return own ? caller_of(request) : std::string{};
}

agh_status Dispatcher::call(std::string_view plugin, std::vector<std::string> may_call, agh_req parent,
                            std::string_view action, std::string_view params, std::uint64_t timeout_ns,
                            std::function<void(const agh_reply&)> done)
{
    return impl_->nested_calls.call(plugin, std::move(may_call), parent, action, params, timeout_ns,
                                    std::move(done));
}

agh_status Dispatcher::emit(std::string_view plugin, std::string_view topic, std::string_view audience,
                            agh_req origin, std::string_view json)
{
    return impl_->fan_out.emit(plugin, topic, audience, origin, json);
}

void Dispatcher::hold_events() { impl_->fan_out.hold(); }

void Dispatcher::release_events() { impl_->fan_out.release(); }

DispatchStats Dispatcher::stats() const
{
    DispatchStats stats = impl_->core.stats;
    stats.in_flight = impl_->core.slots.in_use();
    return stats;
}

} // namespace agenthost::host
