// Keeps a record of each caller by name, across reconnects, reloads and detach(). A record without a caller
// lives until its last request has ended.
//
// Main thread. Owned by Core.
#pragma once

#include "caller.hpp"
#include "names.hpp"
#include "request.hpp"
#include "slots.hpp"
#include "token_bucket.hpp"

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

namespace agenthost::host {

struct WaitingEvent {
    std::string topic, json;
    std::int64_t at = 0;
};

struct CallerRecord {
    std::unique_ptr<const std::string> name;
    // Null: detached, or a plugin whose nested calls have no parent.
    std::shared_ptr<Caller> caller;
    // A copy, for requests that are still running after detach().
    Policy last_policy;
    // agh_request.caller
    std::string json;

    // Requests.
    TokenBucket rate;
    std::uint32_t in_flight = 0;
    std::uint64_t memory = 0;
    // Head of the list through the slots.
    std::uint32_t first = Request::none;
    // Task id -> the running request that has it in the journal.
    NameMap<agh_req> journalled;

    // Outbox. `live`: everything finished so far was sent on this connection, so the next result is sent
    // directly. Otherwise pages from the journal bring all results in order, until an empty one.
    bool live = false, paging = false;
    std::uint64_t sent_through = 0;
    // Places of the interrupted results that are held back until `hold_until` (outbox.hpp), oldest first; at most
    // as many as the journal has rows.
    std::deque<std::uint64_t> held;
    Clock::time_point hold_until{};
    // Changes with every connection: a page that was requested on an older one is ignored.
    std::uint64_t connection = 0;

    // Events that the caller could not take yet.
    std::deque<WaitingEvent> events;
    std::size_t event_bytes = 0;

    // Runs a callback of `caller`, which must not be null. Afterwards the caller may be detached or replaced.
    template <class Callback> auto tell(Callback callback)
    {
        const Telling here{telling_};
        return callback(*caller);
    }
    // A callback is running: nothing that waits for the caller is sent now.
    [[nodiscard]] bool being_told() const { return telling_ != 0; }
    // Attachment will look at the record from the main loop.
    bool resume_posted = false;

    [[nodiscard]] const Policy& policy() const { return caller ? caller->policy() : last_policy; }
    [[nodiscard]] bool reachable() const { return caller && caller->connected(); }

private:
    struct Telling {
        explicit Telling(std::uint32_t& depth) : depth_{depth} { ++depth_; }
        ~Telling() { --depth_; }
        Telling(const Telling&) = delete;
        Telling& operator=(const Telling&) = delete;
        std::uint32_t& depth_;
    };
    std::uint32_t telling_ = 0;
};

class Callers {
public:
    // `agent_id`: for callers whose policy has none.
    Callers(Slots&, std::string agent_id);

    // nullptr: not attached.
    [[nodiscard]] CallerRecord* find(const Caller& caller)
    {
        return last_caller_ == &caller ? last_record_ : look_up(caller);
    }
    [[nodiscard]] CallerRecord* named(std::string_view name);
    // The existing record of that name, or a new one.
    CallerRecord& record(std::string_view name);

    // Replaces an earlier caller of the same name.
    CallerRecord& attach(std::shared_ptr<Caller>);
    // The record stays; the result is the last reference that it held.
    std::shared_ptr<Caller> detach(CallerRecord&);
    // Writes agh_request.caller again: a registration may have changed the agent's id.
    void describe(CallerRecord&) const;
    // Numbers a connection of the record.
    void new_connection(CallerRecord& record) { record.connection = ++connections_; }

    void drop_if_idle(CallerRecord&);

    template <class Use> void each(Use use)
    {
        for (const auto& [name, record] : records_) use(*record);
    }

private:
    CallerRecord* look_up(const Caller&);

    Slots& slots_;
    std::string agent_id_;
    NameMap<std::unique_ptr<CallerRecord>> records_;
    std::unordered_map<const Caller*, CallerRecord*> by_caller_;
    // The most recent lookup: most commands of a burst have the same caller.
    const Caller* last_caller_ = nullptr;
    CallerRecord* last_record_ = nullptr;
    std::uint64_t connections_ = 0;
};

} // namespace agenthost::host
