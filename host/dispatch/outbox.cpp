// Who is there, and what they are still owed: journalled results in the order they were finished, on the
// newest connection.
#include "dispatcher_impl.hpp"

#include "base/json_writer.hpp"

#include <boost/asio/post.hpp>

namespace agenthost::host {

CallerRecord* Dispatcher::Impl::find(const Caller& caller)
{
    if (last_caller == &caller) return last_record;
    const auto at = by_caller.find(&caller);
    if (at == by_caller.end()) return nullptr;
    last_caller = &caller;
    return last_record = at->second;
}

CallerRecord& Dispatcher::Impl::record_of(std::string_view name)
{
    const auto at = records.find(name);
    if (at != records.end()) return *at->second;
    auto record = std::make_unique<CallerRecord>();
    record->name = std::make_unique<const std::string>(name);
    record->json = base::json_object("server", name);
    return *records.emplace(std::string{name}, std::move(record)).first->second;
}

void Dispatcher::Impl::describe(CallerRecord& record) const
{
    const Policy& policy = record.caller->policy();
    const std::string& agent_id = policy.agent_id.empty() ? options.agent_id : policy.agent_id;
    record.json.clear();
    base::JsonWriter writer{record.json};
    writer.object().member("server", policy.name).member("protocol", policy.protocol);
    if (!agent_id.empty()) writer.member("agent_id", agent_id);
    writer.end();
}

void Dispatcher::Impl::attach(std::shared_ptr<Caller> caller)
{
    const Policy& policy = caller->policy();
    CallerRecord& record = record_of(policy.name);
    if (record.caller) by_caller.erase(record.caller.get());
    last_caller = nullptr;
    record.caller = std::move(caller);
    by_caller[record.caller.get()] = &record;
    describe(record);
    record.live = record.caller->connected(); // a session says connected() later and gets what waits
    record.paging = false;
    record.sent_through = 0;
    record.connection = ++connections;
}

void Dispatcher::Impl::detach(const Caller& caller)
{
    CallerRecord* record = find(caller);
    if (!record) return;
    by_caller.erase(&caller);
    last_caller = nullptr;
    record->last_policy = caller.policy();
    record->live = false;
    record->connection = ++connections;
    record->paging = false;
    record->events.clear();
    record->event_bytes = 0;
    stalled.erase(record);
    const std::shared_ptr<Caller> last_hold = std::exchange(record->caller, nullptr);
    std::vector<agh_req> its; // what they print now has nobody to wait for
    each_of(*record, [&](Slot& slot) {
        if (slot.flow_used.load()) its.push_back(slot.request.id);
    });
    // Dropped later: detach() may be called from inside on_result().
    boost::asio::post(main, guarded([this, name = *record->name] {
                          if (const auto at = records.find(name); at != records.end())
                              drop_record_if_idle(*at->second);
                      }));
    for (const agh_req id : its)
        if (Slot* slot = slots.find(id)) flow(*slot);
}

void Dispatcher::Impl::connected(Caller& caller)
{
    CallerRecord* record = find(caller);
    if (!record) return;
    describe(*record); // a registration may have given the agent another name since attach()
    record->live = record->paging = false;
    record->sent_through = 0; // what the last connection sent and nobody confirmed is sent again
    record->connection = ++connections;
    stalled.erase(record);
    writable(caller);
}

bool Dispatcher::Impl::deliver(CallerRecord& record, const wire::Result& result, std::uint64_t row,
                               std::uint64_t sequence)
{
    if (!record.caller || !record.caller->connected()) {
        record.live = false; // until connected()
        return false;
    }
    if (!record.live) return false; // older ones go first; the page that ends with this one is under way
    if (!record.caller->on_result(result, row)) {
        record.live = false;
        stall(record);
        return false;
    }
    record.sent_through = std::max(record.sent_through, sequence);
    return true;
}

void Dispatcher::Impl::next_page(CallerRecord& record)
{
    record.paging = true;
    journal.undelivered(*record.name, record.sent_through, page_rows,
                        guarded([this, name = *record.name,
                                 connection = record.connection](std::vector<Journal::Undelivered> rows) {
                            const auto at = records.find(name);
                            if (at != records.end() && at->second->connection == connection)
                                page(*at->second, std::move(rows));
                        }));
}

void Dispatcher::Impl::page(CallerRecord& record, std::vector<Journal::Undelivered> rows)
{
    record.paging = false;
    if (rows.empty()) {
        record.live = true;
        stalled.erase(&record);
        return;
    }
    for (const auto& [sequence, r] : rows) {
        if (!record.caller || !record.caller->connected()) return;
        const wire::Result result{
            .id = r.id,
            .outcome = r.outcome,
            .data = r.data,
            .error = {.code = r.code, .message = r.message, .detail = r.detail, .data = r.error_data},
            .action = r.action};
        if (!record.caller->on_result(result, r.row)) return stall(record);
        record.sent_through = sequence;
    }
    next_page(record);
}

// The session's queue is full: writable() continues, or a look in a second.
void Dispatcher::Impl::stall(CallerRecord& record)
{
    stalled.insert(&record);
    if (stalled_at == Clock::time_point::max()) stalled_at = now() + stall_check;
    arm();
}

void Dispatcher::Impl::retry_stalled()
{
    stalled_at = Clock::time_point::max();
    for (CallerRecord* record : std::exchange(stalled, {}))
        if (record->caller && record->caller->connected() && !record->live && !record->paging)
            next_page(*record);
}

} // namespace agenthost::host
