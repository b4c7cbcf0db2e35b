// agenthost.events/1: what a plugin tells servers unasked. Bounded on the way in per plugin, on the way out
// per server.
#include "dispatcher_impl.hpp"

#include "json.hpp"

namespace agenthost::host {

agh_status Dispatcher::Impl::emit(std::string_view plugin, std::string_view topic, std::string_view audience,
                                  agh_req origin, std::string_view text)
{
    if (topic.empty() || topic.size() > id_bytes || topic.find('\0') != topic.npos ||
        audience.size() > id_bytes)
        return AGH_E_INVALID;
    if (text.empty()) text = "{}";
    if (text.size() > waiting_event_bytes || !json::valid(text)) return AGH_E_INVALID;
    std::string to{audience};
    if (to.empty()) {
        to = slots.caller_of(origin);
        if (to.empty()) return AGH_E_STALE;
    }
    EmittedEvent event{.plugin = std::string{plugin},
                       .topic = std::string{topic},
                       .audience = std::move(to),
                       .json = std::string{text},
                       .at = utc_ms()};
    bool post = false;
    {
        const std::lock_guard lock{inbox.mutex};
        auto its = inbox.events_of.find(plugin);
        if (its == inbox.events_of.end()) its = inbox.events_of.emplace(plugin, 0).first;
        if (its->second >= Inbox::most_events ||
            inbox.content.event_bytes + text.size() > Inbox::most_event_bytes)
            return AGH_E_BUSY;
        ++its->second;
        inbox.content.event_bytes += text.size();
        inbox.content.events.push_back(std::move(event));
        post = !std::exchange(inbox.posted, true);
    }
    wake(post);
    return AGH_OK;
}

bool Dispatcher::Impl::admits_plugin(const Policy& policy, std::string_view plugin) const
{
    for (const Action* action : registry.all())
        if (*action->owner == plugin && allowed(policy, *action)) return true;
    return false;
}

void Dispatcher::Impl::fan_out(const EmittedEvent& event)
{
    if (event.audience != "*") {
        const auto at = records.find(event.audience);
        if (at == records.end() || !at->second->caller ||
            !admits_plugin(at->second->policy(), event.plugin)) {
            ++stats.dropped_events;
            return;
        }
        return hand(*at->second, event);
    }
    std::vector<std::string> names; // on_event is the caller's code
    for (const auto& [name, record] : records)
        if (record->caller && !record->policy().protocol.empty() &&
            admits_plugin(record->policy(), event.plugin))
            names.push_back(name);
    for (const std::string& name : names)
        if (const auto at = records.find(name); at != records.end()) hand(*at->second, event);
}

// Full: the oldest goes, and is counted.
void Dispatcher::Impl::hand(CallerRecord& record, const EmittedEvent& event)
{
    if (flush_events(record) && record.caller && record.caller->connected() &&
        record.caller->on_event({.topic = event.topic, .json = event.json, .target = {}, .at = event.at}))
        return;
    record.event_bytes += event.json.size();
    record.events.push_back({event.topic, event.json, event.at});
    while (record.events.size() > waiting_events || record.event_bytes > waiting_event_bytes) {
        record.event_bytes -= record.events.front().json.size();
        record.events.pop_front();
        ++stats.dropped_events;
    }
}

bool Dispatcher::Impl::flush_events(CallerRecord& record)
{
    while (!record.events.empty()) {
        const WaitingEvent& event = record.events.front();
        if (!record.caller || !record.caller->connected() ||
            !record.caller->on_event(
                {.topic = event.topic, .json = event.json, .target = {}, .at = event.at}))
            return false;
        record.event_bytes -= event.json.size();
        record.events.pop_front();
    }
    return true;
}

} // namespace agenthost::host
