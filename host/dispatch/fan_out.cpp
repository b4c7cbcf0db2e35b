#include "fan_out.hpp"

#include "json.hpp"
#include "permissions.hpp"
#include "utc.hpp"

#include <utility>

namespace agenthost::host {

namespace {

// An EmittedEvent or a WaitingEvent.
template <class Event> bool tell(CallerRecord& record, const Event& event)
{
    return record.tell([&](Caller& caller) {
        return caller.on_event({.topic = event.topic, .json = event.json, .target = {}, .at = event.at});
    });
}

} // namespace

agh_status FanOut::emit(std::string_view plugin, std::string_view topic, std::string_view audience,
                        agh_req origin, std::string_view text)
{
    if (topic.empty() || topic.size() > max_name_bytes || topic.find('\0') != topic.npos ||
        audience.size() > max_name_bytes)
        return AGH_E_INVALID;
    if (text.empty()) text = "{}";
    if (text.size() > max_event_bytes || !json::valid(text)) return AGH_E_INVALID;
    std::string to{audience};
    if (to.empty()) {
        to = core_.slots.caller_of(origin);
        if (to.empty()) return AGH_E_STALE;
    }
    const bool added = core_.inbox.add(EmittedEvent{.plugin = std::string{plugin},
                                                    .topic = std::string{topic},
                                                    .audience = std::move(to),
                                                    .json = std::string{text},
                                                    .at = utc_ms()});
    return added ? AGH_OK : AGH_E_BUSY;
}

bool FanOut::is_early(const EmittedEvent& event)
{
    if (!holding_ || event.audience == "*") return holding_;
    const CallerRecord* record = core_.callers.named(event.audience);
    return record == nullptr || !record->caller;
}

void FanOut::keep(const EmittedEvent& event)
{
    held_bytes_ += event.json.size();
    held_.push_back(event);
    while (held_.size() > max_events || held_bytes_ > max_event_bytes) {
        held_bytes_ -= held_.front().json.size();
        held_.pop_front();
        ++core_.stats.dropped_events;
    }
}

void FanOut::release()
{
    holding_ = false;
    held_bytes_ = 0;
    for (const EmittedEvent& event : std::exchange(held_, {})) send(event);
}

void FanOut::send(const EmittedEvent& event)
{
    if (is_early(event)) return keep(event);
    if (event.audience != "*") {
        CallerRecord* record = core_.callers.named(event.audience);
        if (record && record->caller && admits_plugin(record->policy(), core_.registry, event.plugin))
            send_to(*record, event);
        else
            ++core_.stats.dropped_events;
        return;
    }
    // By name: on_event() may attach and detach callers.
    std::vector<std::string> names;
    core_.callers.each([&](const CallerRecord& record) {
        if (record.caller && !record.policy().protocol.empty() &&
            admits_plugin(record.policy(), core_.registry, event.plugin))
            names.push_back(*record.name);
    });
    for (const std::string& name : names) {
        CallerRecord* record = core_.callers.named(name);
        if (record && record->caller) send_to(*record, event);
    }
}

void FanOut::send_to(CallerRecord& record, const EmittedEvent& event)
{
    if (flush(record) && record.reachable() && tell(record, event)) return;
    // A callback may have detached the caller.
    if (!record.caller) {
        ++core_.stats.dropped_events;
        return;
    }
    record.event_bytes += event.json.size();
    record.events.push_back({event.topic, event.json, event.at});
    while (record.events.size() > max_events || record.event_bytes > max_event_bytes) {
        record.event_bytes -= record.events.front().json.size();
        record.events.pop_front();
        ++core_.stats.dropped_events;
    }
}

bool FanOut::flush(CallerRecord& record)
{
    while (!record.events.empty()) {
        if (!record.reachable()) return false;
        // Taken out first: if the caller detaches itself in on_event(), forget() empties the queue.
        WaitingEvent event = std::move(record.events.front());
        record.events.pop_front();
        record.event_bytes -= event.json.size();
        if (tell(record, event)) continue;
        if (!record.caller) return false;
        record.event_bytes += event.json.size();
        record.events.push_front(std::move(event));
        return false;
    }
    return true;
}

void FanOut::forget(CallerRecord& record)
{
    record.events.clear();
    record.event_bytes = 0;
}

} // namespace agenthost::host
