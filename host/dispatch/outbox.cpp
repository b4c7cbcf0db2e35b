#include "outbox.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::host {

namespace {

constexpr std::size_t max_page_rows = 64;
constexpr auto retry_interval = std::chrono::seconds{1};

bool tell(CallerRecord& record, const wire::Result& result, std::uint64_t row)
{
    return record.tell([&](Caller& caller) { return caller.on_result(result, row); });
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
}

void Outbox::connected(CallerRecord& record)
{
    start_over(record, false);
    // Results that the last connection sent without confirmation are sent again.
    record.sent_through = 0;
    stalled_.erase(&record);
}

void Outbox::detached(CallerRecord& record)
{
    start_over(record, false);
    stalled_.erase(&record);
}

void Outbox::resume(CallerRecord& record)
{
    if (!record.live && !record.paging && record.reachable()) next_page(record);
}

void Outbox::deliver(CallerRecord& record, const wire::Result& result, std::uint64_t row,
                     std::uint64_t sequence)
{
    if (!record.reachable()) {
        record.live = false;
        return;
    }
    // Older ones go first; the page that ends with this one is on its way.
    if (!record.live) return;
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
    for (const auto& [sequence, r] : rows) {
        if (!record.reachable()) return;
        const wire::Result result{
            .id = r.id,
            .outcome = r.outcome,
            .data = r.data,
            .error = {.code = r.code, .message = r.message, .detail = r.detail, .data = r.error_data},
            .action = r.action};
        const bool taken = tell(record, result, r.row);
        // A page of the next connection brings the others.
        if (record.connection != connection) return;
        if (!taken) return stall(record);
        record.sent_through = sequence;
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

void Outbox::tick(Clock::time_point now)
{
    if (retry_at_ > now) return;
    retry_at_ = Clock::time_point::max();
    for (CallerRecord* record : std::exchange(stalled_, {})) resume(*record);
}

} // namespace agenthost::host
