#include "dispatcher_impl.hpp"

#include <boost/asio/post.hpp>

namespace agenthost::host {

thread_local const Dispatcher::Impl::Inside* Dispatcher::Impl::inside = nullptr;

std::int64_t utc_ms()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

Dispatcher::Impl::Impl(boost::asio::any_io_executor executor, Registry& r, Journal& j, Options o)
    : main{std::move(executor)}, registry{r}, journal{j}, options{std::move(o)}, timer{main}
{
    add_builtins();
}

// Who found the inbox empty posts; everybody else's is taken along.
void Dispatcher::Impl::wake(bool post)
{
    if (post)
        boost::asio::post(main, [this, weak = std::weak_ptr{alive}] {
            if (!weak.expired()) empty_inbox();
        });
}

void Dispatcher::Impl::empty_inbox()
{
    Inbox::Content content;
    {
        const std::lock_guard lock{inbox.mutex};
        std::swap(content, inbox.content);
        inbox.events_of.clear();
        inbox.posted = false;
    }
    for (const agh_req id : content.flows)
        if (Slot* slot = slots.find(id)) flow(*slot);
    for (Completion& completion : content.completions) {
        Slot* slot = slots.find(completion.id); // a claimed slot stays until this
        if (!slot) continue;
        if (slot->request.done)
            settle_call(*slot, completion.reply);
        else
            settle(*slot, completion.reply.plain());
    }
    for (const EmittedEvent& event : content.events) fan_out(event);
    for (NestedCall& call : content.calls) start_call(std::move(call));
}

Dispatcher::Dispatcher(boost::asio::any_io_executor main, Registry& registry, Journal& journal,
                       Options options)
    : impl_{std::make_unique<Impl>(std::move(main), registry, journal, std::move(options))}
{}
Dispatcher::~Dispatcher() = default;

void Dispatcher::attach(std::shared_ptr<Caller> caller) { impl_->attach(std::move(caller)); }
void Dispatcher::detach(const Caller& caller) { impl_->detach(caller); }
void Dispatcher::connected(Caller& caller) { impl_->connected(caller); }
void Dispatcher::delivered(Caller&, std::uint64_t outbox) { impl_->journal.delivered(outbox); }
void Dispatcher::replace_result(std::uint64_t outbox, const wire::Result& instead)
{
    impl_->journal.replace_result(outbox, instead);
}
void Dispatcher::writable(Caller& caller) { impl_->writable(caller); }
void Dispatcher::submit(Caller& caller, const wire::Command& command) { impl_->submit(caller, command); }
void Dispatcher::cancel(Caller& caller, std::string_view id) { impl_->cancel(caller, id); }
void Dispatcher::plugin_gone(const Plugin& plugin, std::string_view why) { impl_->plugin_gone(plugin, why); }
void Dispatcher::drain(std::chrono::milliseconds grace, std::function<void()> idle)
{
    impl_->drain(grace, std::move(idle));
}
void Dispatcher::tick() { impl_->tick(); }

agh_status Dispatcher::complete(std::string_view plugin, agh_req request, const agh_reply* reply)
{
    return reply ? impl_->complete(plugin, request, *reply) : AGH_E_INVALID;
}

agh_status Dispatcher::progress(std::string_view plugin, agh_req request, std::string_view json)
{
    return impl_->progress(plugin, request, json);
}

agh_status Dispatcher::stream(std::string_view plugin, agh_req request, std::uint32_t channel,
                              std::uint64_t offset, std::string_view bytes)
{
    return impl_->stream(plugin, request, channel, offset, bytes);
}

bool Dispatcher::cancelled(agh_req request) const
{
    const Slot* slot = impl_->slots.at(request);
    if (!slot) return true;
    const std::uint64_t word = slot->word.load(std::memory_order_relaxed);
    return word >> 8 != request >> 16 || (word & 0xff) != Slot::open;
}

std::string Dispatcher::caller_of(agh_req request) const { return impl_->slots.caller_of(request); }

std::string Dispatcher::caller_of(agh_req request, std::string_view plugin) const
{
    const Slot* slot = impl_->slots.at(request);
    const bool own = slot && Slots::look(*slot, request, plugin) != 0;
    return own ? caller_of(request) : std::string{};
}

agh_status Dispatcher::call(std::string_view plugin, std::vector<std::string> may_call, agh_req parent,
                            std::string_view action, std::string_view params, std::uint64_t timeout_ns,
                            std::function<void(const agh_reply&)> done)
{
    return impl_->call(plugin, std::move(may_call), parent, action, params, timeout_ns, std::move(done));
}

agh_status Dispatcher::emit(std::string_view plugin, std::string_view topic, std::string_view audience,
                            agh_req origin, std::string_view json)
{
    return impl_->emit(plugin, topic, audience, origin, json);
}

DispatchStats Dispatcher::stats() const
{
    DispatchStats stats = impl_->stats;
    stats.in_flight = impl_->slots.in_use();
    return stats;
}

} // namespace agenthost::host
