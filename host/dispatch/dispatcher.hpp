// From a Command to its Result: resolve, allow list, limits, journal, schema, invoke; deadline, cancellation,
// completion.
//
// Main I/O thread, except the four functions marked [any], which plugins reach from theirs. An effect-free
// command of an inline plugin runs start to end inside submit(), without an allocation per message beyond
// what the plugin makes. Bounds: in_flight and memory per caller (refused BUSY), rate per caller
// (RATE_LIMIT), slots overall (65,536).
#pragma once

#include "caller.hpp"
#include "registry.hpp"

#include <agenthost/abi.h>
#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

class Journal;

struct DispatchStats {
    std::uint64_t submitted = 0, succeeded = 0, failed = 0, refused = 0, timed_out = 0, cancelled = 0,
                  attached = 0, replayed = 0, dropped_results = 0, dropped_events = 0, in_flight = 0;
};

// One finished command, for the audit log and metrics. Views live for the call.
struct Finished {
    std::string_view caller, protocol, action, id, code; // code empty on success; protocol empty: no server's
    wire::Outcome outcome;
    std::chrono::nanoseconds took;
    bool effects; // of the action, also when it was refused
    bool known;   // `action` is a registered action's name; else whatever word the peer made up
};

class Dispatcher {
public:
    struct Options {
        std::string agent_id, version;
        std::function<void(const Finished&)> on_finished; // main thread; must be cheap
        std::function<std::string()> status_json;         // host.status
        // Empty: steady_clock::now. Tests bring their own and call tick().
        std::function<std::chrono::steady_clock::time_point()> clock;
    };
    Dispatcher(boost::asio::any_io_executor main, Registry&, Journal&, Options);
    ~Dispatcher();

    // A caller is known by policy().name; a second of the same name replaces the first.
    void attach(std::shared_ptr<Caller>);
    void detach(const Caller&); // what it had running goes on; results wait in the outbox or are dropped
    void connected(Caller&);    // (re)connected and authenticated: the outbox flows, oldest first
    void delivered(Caller&, std::uint64_t outbox);
    // A stored result cannot be sent as it is: this one counts from now on, also for a repeat. Of `instead`, outcome and error are taken.
    void replace_result(std::uint64_t outbox, const wire::Result& instead);
    void writable(Caller&);

    // A repeat of a running journalled command shares its one answer.
    void submit(Caller&, const wire::Command&);
    void cancel(Caller&, std::string_view id); // from the protocol, or the CLI's Ctrl-C
    // Its requests end as `unknown` (effects) or error; journalled so.
    void plugin_gone(const Plugin&, std::string_view why);

    // Stop admitting (BUSY), cancel nothing, call `idle` once nothing is in flight or `grace` has passed.
    void drain(std::chrono::milliseconds grace, std::function<void()> idle);

    void tick(); // does what is due by the clock; the dispatcher's own timer calls it

    // [any], these four:
    agh_status complete(std::string_view plugin, agh_req, const agh_reply*);
    agh_status progress(std::string_view plugin, agh_req, std::string_view json);
    agh_status stream(std::string_view plugin, agh_req, std::uint32_t channel, std::uint64_t offset,
                      std::string_view bytes);
    bool cancelled(agh_req) const;
    // The caller whose request this is, for events with audience "" and nested calls; empty when stale. [any]
    std::string caller_of(agh_req) const;
    // The same, and empty unless the request is `plugin`'s own.
    std::string caller_of(agh_req, std::string_view plugin) const;
    // A nested call under the parent's policy (parent 0: under `may_call`). `done` on the main thread,
    // exactly once after AGH_PENDING. [any]
    agh_status call(std::string_view plugin, std::vector<std::string> may_call, agh_req parent,
                    std::string_view action, std::string_view params, std::uint64_t timeout_ns,
                    std::function<void(const agh_reply&)> done);
    // audience as in ext/events.h. [any]
    agh_status emit(std::string_view plugin, std::string_view topic, std::string_view audience,
                    agh_req origin, std::string_view json);

    [[nodiscard]] DispatchStats stats() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace agenthost::host
