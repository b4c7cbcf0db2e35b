#include "outbox.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::host {

namespace {

constexpr std::size_t max_page_rows = 64;
constexpr auto retry_interval = std::chrono::seconds{1};
constexpr auto repeat_time = std::chrono::seconds{5};

bool tell(CallerRecord& record, const wire::Result& result, std::uint64_t row)
{
    return record.tell([&](Caller& caller) { return caller.on_result(result, row); });
}

bool tell(CallerRecord& record, const StoredResult& r)
{
    const wire::Result result{
        .id = r.id,
        .outcome = r.outcome,
        .data = r.data,
        .error = {.code = r.code, .message = r.message, .detail = r.detail, .data = r.error_data},
        .action = r.action};
    return tell(record, result, r.row);
}

} // namespace

void Outbox::start_over(CallerRecord& record, bool live)
{
    record.live = live;
    record.paging = false;
    core_.callers.new_connection(record);
}

void Outbox::attached(CallerRecord& record)
{
    // A session is connected later, and gets what is waiting then.
    start_over(record, record.caller->connected());
    record.sent_through = 0;
    record.hold_until = std::max(record.hold_until, core_.now() + repeat_time);
}

void Outbox::connected(CallerRecord& record)
{
    start_over(record, false);
    // Results that the last connection sent without confirmation are sent again.
    record.sent_through = 0;
    record.hold_until = std::max(record.hold_until, core_.now() + repeat_time);
    forget(record);
}

void Outbox::detached(CallerRecord& record)
{
    start_over(record, false);
    forget(record);
}

void Outbox::forget(CallerRecord& record)
{
    stalled_.erase(&record);
    holding_.erase(&record);
    record.held.clear();
}

void Outbox::resume(CallerRecord& record)
{
    if (!record.live && !record.paging && record.reachable()) next_page(record);
}

void Outbox::deliver(CallerRecord& record, const wire::Result& result, std::uint64_t row,
                     std::uint64_t sequence)
{
    const bool runs_again = result.outcome == wire::Outcome::interrupted && reruns_.has(row);
    if (runs_again) record.hold_until = std::max(record.hold_until, core_.now() + Reruns::keep_time);
    if (!record.reachable()) {
        record.live = false;
        return;
    }
    // Older ones go first; the page that ends with this one is on its way.
    if (!record.live) return;
    if (runs_again) {
        record.sent_through = std::max(record.sent_through, sequence);
        return hold(record, sequence);
    }
    const auto connection = record.connection;
    const bool taken = tell(record, result, row);
    // The callback has detached or replaced the caller: a page brings the result if it was not confirmed, at
    // once if the new caller is already connected.
    if (record.connection != connection) {
        record.live = false;
        return resume(record);
    }
    if (!taken) {
        record.live = false;
        return stall(record);
    }
    record.sent_through = std::max(record.sent_through, sequence);
}

void Outbox::next_page(CallerRecord& record)
{
    record.paging = true;
    core_.journal.undelivered(*record.name, record.sent_through, max_page_rows,
                              core_.alive.guard([this, name = *record.name, connection = record.connection](
                                                    const std::vector<Journal::Undelivered>& rows) {
                                  CallerRecord* found = core_.callers.named(name);
                                  if (found && found->connection == connection) send_page(*found, rows);
                              }));
}

void Outbox::send_page(CallerRecord& record, const std::vector<Journal::Undelivered>& rows)
{
    record.paging = false;
    if (rows.empty()) {
        record.live = true;
        stalled_.erase(&record);
        return;
    }
    const auto connection = record.connection;
    for (const Journal::Undelivered& one : rows) {
        if (!record.reachable()) return;
        const bool held = is_held(record, one.result);
        if (held) hold(record, one.sequence);
        const bool taken = held || tell(record, one.result);
        // A page of the next connection brings the others.
        if (record.connection != connection) return;
        if (!taken) return stall(record);
        record.sent_through = one.sequence;
    }
    next_page(record);
}

// The caller's queue is full: resume() or the next retry goes on.
void Outbox::stall(CallerRecord& record)
{
    stalled_.insert(&record);
    if (retry_at_ == Clock::time_point::max()) retry_at_ = core_.now() + retry_interval;
    core_.schedule.wake_at(retry_at_);
}

bool Outbox::is_held(const CallerRecord& record, const StoredResult& result) const
{
    if (result.outcome != wire::Outcome::interrupted || core_.now() >= record.hold_until) return false;
    if (reruns_.has(result.row)) return true;
    const Policy& policy = record.policy();
    const Action* action = core_.registry.resolve(result.action, policy.protocol, policy.map);
    return action && action->manifest->idempotent;
}

void Outbox::hold(CallerRecord& record, std::uint64_t sequence)
{
    record.held.push_back(sequence);
    holding_.insert(&record);
    hold_ends_at_ = std::min(hold_ends_at_, record.hold_until);
    core_.schedule.wake_at(hold_ends_at_);
}

// One at a time: what was repeated meanwhile has another place in the journal, or none yet.
void Outbox::send_held(CallerRecord& record)
{
    if (record.held.empty()) {
        holding_.erase(&record);
        return;
    }
    const auto next = [this, name = *record.name,
                       connection = record.connection](const std::vector<Journal::Undelivered>& rows) {
        CallerRecord* found = core_.callers.named(name);
        if (!found || found->connection != connection || found->held.empty()) return;
        const std::uint64_t place = found->held.front();
        found->held.pop_front();
        const bool there = !rows.empty() && rows.front().sequence == place && found->reachable();
        const bool taken = !there || tell(*found, rows.front().result);
        if (found->connection != connection) return;
        if (taken) return send_held(*found);
        found->held.push_front(place);
        hold_ends_at_ = std::min(hold_ends_at_, core_.now() + retry_interval);
        core_.schedule.wake_at(hold_ends_at_);
    };
    core_.journal.undelivered(*record.name, record.held.front() - 1, 1, core_.alive.guard(next));
}

void Outbox::tick(Clock::time_point now)
{
    if (retry_at_ <= now) {
        retry_at_ = Clock::time_point::max();
        for (CallerRecord* record : std::exchange(stalled_, {})) resume(*record);
    }
    if (hold_ends_at_ > now) return;
    hold_ends_at_ = Clock::time_point::max();
    for (CallerRecord* record : std::set{holding_}) {
        if (record->hold_until <= now) {
            send_held(*record);
        } else {
            hold_ends_at_ = std::min(hold_ends_at_, record->hold_until);
            core_.schedule.wake_at(hold_ends_at_);
        }
    }
}

} // namespace agenthost::host
