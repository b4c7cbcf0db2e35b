#include "attachment.hpp"

#include <boost/asio/post.hpp>

namespace agenthost::host {

void Attachment::attach(std::shared_ptr<Caller> caller)
{
    outbox_.attached(core_.callers.attach(std::move(caller)));
}

void Attachment::detach(const Caller& caller)
{
    CallerRecord* record = core_.callers.find(caller);
    if (!record) return;
    outbox_.detached(*record);
    fan_out_.forget(*record);
    const std::shared_ptr<Caller> last_hold = core_.callers.detach(*record);
    // What these requests stream from now on is discarded.
    const auto ids = streaming(*record);
    // Later, because detach() may be called from inside on_result().
    boost::asio::post(core_.main, core_.alive.guard([this, name = *record->name] {
        if (CallerRecord* found = core_.callers.named(name)) core_.callers.drop_if_idle(*found);
    }));
    advance(ids);
}

void Attachment::connected(Caller& caller)
{
    CallerRecord* record = core_.callers.find(caller);
    if (!record) return;
    // A registration may have given the agent another id since attach().
    core_.callers.describe(*record);
    outbox_.connected(*record);
    resume(*record);
}

void Attachment::writable(Caller& caller)
{
    if (CallerRecord* record = core_.callers.find(caller)) resume(*record);
}

void Attachment::resume(CallerRecord& record)
{
    advance(streaming(record));
    fan_out_.flush(record);
    outbox_.resume(record);
}

std::vector<agh_req> Attachment::streaming(const CallerRecord& record)
{
    return requests_.ids_of(record, [](const Slot& slot) { return slot.flow_used.load(); });
}

void Attachment::advance(const std::vector<agh_req>& ids)
{
    for (const agh_req id : ids)
        if (Slot* slot = core_.slots.find(id)) results_.advance(*slot);
}

} // namespace agenthost::host
