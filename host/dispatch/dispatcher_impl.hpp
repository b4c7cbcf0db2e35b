// The dispatcher's inside, one file an idea:
//   admission.cpp   submit: the checks in their order, then journal or invoke
//   builtins.cpp    host.ping, host.status, host.actions
//   completion.cpp  complete, and how a request ends
//   endings.cpp     deadline, cancel, plugin_gone, drain
//   flow.cpp        progress and streams
//   outbox.cpp      attach, connected, delivery in order
//   calls.cpp       agenthost.call/1
//   events.cpp      audience, queues
#pragma once

#include "callers.hpp"
#include "deadlines.hpp"
#include "dispatcher.hpp"
#include "inbox.hpp"
#include "owned_reply.hpp"
#include "slots.hpp"

#include "base/hash.hpp"
#include "host/plugin/plugin.hpp"
#include "wire/codes.hpp"

#include <boost/asio/steady_timer.hpp>

#include <set>
#include <vector>

namespace agenthost::host {

namespace code = wire::code;

struct Dispatcher::Impl {
    // Bounds of one message; the limits of everything else are a Policy's, or beside what they bound.
    static constexpr std::size_t id_bytes = 256, action_bytes = 256;
    static constexpr std::uint8_t most_depth = 8; // nested calls
    static constexpr std::size_t stream_bytes = 256 << 10, progress_bytes = 16 << 10;
    static constexpr auto progress_every = std::chrono::milliseconds{100};
    static constexpr auto stall_check =
        std::chrono::seconds{1}; // a peer that left without a word frees its streams by then
    static constexpr std::size_t page_rows = 64;
    static constexpr std::size_t waiting_events = 256, waiting_event_bytes = 1 << 20; // of one caller

    Impl(boost::asio::any_io_executor, Registry&, Journal&, Options);

    boost::asio::any_io_executor main;
    Registry& registry;
    Journal& journal;
    Options options;
    DispatchStats stats;
    Slots slots;
    Inbox inbox;
    NameMap<std::unique_ptr<CallerRecord>> records;
    std::unordered_map<const Caller*, CallerRecord*> by_caller;
    const Caller* last_caller = nullptr; // the one asked for last, and its record
    CallerRecord* last_record = nullptr;
    Deadlines deadlines;             // of requests: the command's, then the cancel grace
    Deadlines pauses;                // of flows: the next progress, the next look at a stalled stream
    std::set<CallerRecord*> stalled; // callers that could not take a journalled result or an event
    Clock::time_point stalled_at = Clock::time_point::max();
    boost::asio::steady_timer timer;
    Clock::time_point armed = Clock::time_point::max();
    base::Sha256 sha;
    std::uint64_t connections = 0; // so that a page asked for on an older one is known
    bool draining = false;
    std::function<void()> idle;
    Clock::time_point drain_until = Clock::time_point::max();
    std::shared_ptr<bool> alive = std::make_shared<bool>(true); // main thread only

    // The invoke() this thread is inside of; complete() for it runs right there.
    struct Inside {
        const Impl* impl;
        agh_req id;
    };
    static thread_local const Inside* inside;

    [[nodiscard]] Clock::time_point now() const { return options.clock ? options.clock() : Clock::now(); }
    Slot& slot_of(std::uint32_t index) { return *slots.at(index); }

    // admission.cpp
    struct Incoming { // a command and who waits for its answer
        CallerRecord* record;
        Caller* caller; // null for a nested call
        const wire::Command& command;
        Clock::time_point started;
        NestedCall* nested = nullptr;
        Clock::time_point deadline = Clock::time_point::max();
        const Action* action = nullptr; // once it is resolved
    };
    void submit(Caller&, const wire::Command&);
    bool refuse_missing(const Incoming&, const Policy&, std::string_view word);
    void admit(Incoming&, const Policy&, const Action&);
    bool attach_repeat(const Incoming&, const Action&, const Digest&);
    void refuse(const Incoming&, wire::Outcome, std::string_view code, std::string message,
                std::string detail = {});
    void respond(const Incoming&, const wire::Result&);
    bool allowed(const Policy&, const Action&) const;
    Digest digest_of(const Action&, const wire::Command&);
    void begin(Slot&);
    void begun(Slot&, Journal::Begun);
    void invoke(Slot&, const wire::Command&, std::uint32_t flags);
    void invoke_kept(Slot&, std::uint32_t flags);
    void refuse_for_disk(Slot&, const std::optional<base::DiskTrouble>&);
    void replay(Slot&, const StoredResult&);
    void refuse_begun(Slot&, wire::Outcome, std::string_view code, std::string message,
                      std::string detail = {});

    // builtins.cpp
    void add_builtins();
    void builtin(const Incoming&, const Action&);
    std::string actions_json(const Policy&) const;

    // completion.cpp
    agh_status complete(std::string_view plugin, agh_req, const agh_reply&);
    void settle(Slot&, const agh_reply&);
    void settle_call(Slot&, OwnedReply&);
    void end(Slot&, Answer); // as an answer, whoever made it
    void journal_result(Slot&, Answer);
    static void hold(Request&, Answer);        // a result that waits counts as its caller's memory
    void send(Slot&);                          // slot.request.answer, when its streams are through; releases
    void send_now(Slot&, const wire::Result&); // the same without a park; releases
    void count(const wire::Result&);
    void finished(const Request&, wire::Outcome, std::string_view code);
    void link(Slot&);
    void release(Slot&);
    void drop_record_if_idle(CallerRecord&);

    // endings.cpp
    void tick();
    void arm();
    void time_out(Slot&);
    void answer_early(Slot&, std::string_view code, std::string message, wire::Outcome);
    void give_up(Slot&);
    void cancel(Caller&, std::string_view id);
    void cancel(Slot&);
    void plugin_gone(const Plugin&, std::string_view why);
    void drain(std::chrono::milliseconds grace, std::function<void()> idle);
    void check_idle();

    // flow.cpp
    agh_status progress(std::string_view plugin, agh_req, std::string_view json);
    agh_status stream(std::string_view plugin, agh_req, std::uint32_t channel, std::uint64_t offset,
                      std::string_view bytes);
    void queue_flow(agh_req); // any thread: it has something for flow()
    void flow(Slot&);
    bool flow_streams(Slot&); // false: some wait
    void flow_progress(Slot&);
    void writable(Caller&);

    // outbox.cpp
    void describe(CallerRecord&) const; // for agh_request.caller
    void attach(std::shared_ptr<Caller>);
    void detach(const Caller&);
    void connected(Caller&);
    CallerRecord* find(const Caller&);
    CallerRecord& record_of(std::string_view name);
    bool deliver(CallerRecord&, const wire::Result&, std::uint64_t row, std::uint64_t sequence);
    void next_page(CallerRecord&);
    void page(CallerRecord&, std::vector<Journal::Undelivered>);
    void stall(CallerRecord&);
    void retry_stalled();

    // calls.cpp
    agh_status call(std::string_view plugin, std::vector<std::string> may_call, agh_req parent,
                    std::string_view action, std::string_view params, std::uint64_t timeout_ns,
                    CallDone done);
    void start_call(NestedCall);

    // events.cpp
    agh_status emit(std::string_view plugin, std::string_view topic, std::string_view audience,
                    agh_req origin, std::string_view json);
    void fan_out(const EmittedEvent&);
    void hand(CallerRecord&, const EmittedEvent&);
    bool flush_events(CallerRecord&); // false: some wait
    bool admits_plugin(const Policy&, std::string_view plugin) const;

    // dispatcher.cpp
    void wake(bool post); // after the inbox's mutex is let go
    void empty_inbox();
    // A handler that does nothing once the dispatcher is gone. Main thread.
    template <class Handler> auto guarded(Handler handler)
    {
        return [weak = std::weak_ptr{alive}, handler = std::move(handler)](auto&&... args) mutable {
            if (!weak.expired()) handler(std::forward<decltype(args)>(args)...);
        };
    }
    // Each request of a caller; `use` may release it.
    template <class Use> void each_of(const CallerRecord& record, Use use)
    {
        for (std::uint32_t at = record.first; at != Request::none;) {
            Slot& slot = slot_of(at);
            at = slot.request.next;
            use(slot);
        }
    }
};

std::int64_t utc_ms(); // now

} // namespace agenthost::host
