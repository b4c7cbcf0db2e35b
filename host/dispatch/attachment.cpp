#include "attachment.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace agenthost::host {

void Attachment::attach(std::shared_ptr<Caller> caller)
{
    const CallerRecord* existing = core_.callers.named(caller->policy().name);
    if (existing && existing->caller) release_later(existing->caller);
    outbox_.attached(core_.callers.attach(std::move(caller)));
}

void Attachment::detach(const Caller& caller)
{
    CallerRecord* record = core_.callers.find(caller);
    if (!record) return;
    outbox_.detached(*record);
    fan_out_.forget(*record);
    release_later(core_.callers.detach(*record));
    requests_.drop_later(*record);
    // What these requests stream from now on is discarded.
    resume(*record);
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
    if (record.being_told()) return resume_later(record);
    advance(streaming(record));
    fan_out_.flush(record);
    outbox_.resume(record);
}

void Attachment::resume_later(CallerRecord& record)
{
    if (std::exchange(record.resume_posted, true)) return;
    boost::asio::post(core_.main, core_.alive.guard([this, name = *record.name] {
        CallerRecord* found = core_.callers.named(name);
        if (!found) return;
        found->resume_posted = false;
        resume(*found);
    }));
}

void Attachment::release_later(std::shared_ptr<Caller> caller)
{
    released_.push_back(std::move(caller));
    if (released_.size() > 1) return;
    boost::asio::post(core_.main, core_.alive.guard([this] { std::exchange(released_, {}); }));
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
