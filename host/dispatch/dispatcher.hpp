// Takes a Command to its Result: resolves the action, checks allow list, limits and schema, writes the
// journal, invokes the plugin; then handles deadline, cancellation, completion and delivery.
//
// Main I/O thread, except the functions marked [any], which plugins call from their threads. A command
// without effects, of an inline plugin, runs from start to end inside submit() and allocates only what the
// plugin does. Bounds: in_flight and memory per caller (refused with BUSY), rate per caller (RATE_LIMIT),
// 65,536 slots overall. Owned by host/app.
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

// One finished command, for the audit log and metrics. The views are valid during the call.
struct Finished {
    // `protocol` is empty when the caller is not a server, `code` on success.
    std::string_view caller, protocol, action, id, code;
    wire::Outcome outcome;
    std::chrono::nanoseconds took;
    // The action has effects; or it has, or its manifest asks for an audit line of each command. Set for
    // refused commands as well.
    bool effects, audited;
    // `action` is the name of a registered action; otherwise the peer's own word.
    bool known;
};

class Dispatcher {
public:
    struct Options {
        std::string agent_id, version;
        // Main thread; must be cheap.
        std::function<void(const Finished&)> on_finished;
        // The answer to host.status.
        std::function<std::string()> status_json;
        // Empty: steady_clock::now. Tests pass their own and call tick().
        std::function<std::chrono::steady_clock::time_point()> clock;
    };
    Dispatcher(boost::asio::any_io_executor main, Registry&, Journal&, Options);
    ~Dispatcher();

    // A caller is identified by policy().name; a second one of the same name replaces the first. What a
    // caller may call inside its callbacks: caller.hpp.
    void attach(std::shared_ptr<Caller>);
    // While plugins start, servers are not attached yet: events for them are kept, until release_events().
    void hold_events();
    void release_events();
    // Its requests go on; their results wait in the outbox or are dropped.
    void detach(const Caller&);
    // The caller is connected and authenticated, perhaps again: the outbox is sent, oldest result first.
    void connected(Caller&);
    void delivered(Caller&, std::uint64_t outbox);
    // A stored result cannot be sent as it is: from now on it is the outcome and the error of `instead`, for
    // repeats as well.
    void replace_result(std::uint64_t outbox, const wire::Result& instead);
    void writable(Caller&);

    // A repeat of a running journalled command shares its one answer.
    void submit(Caller&, const wire::Command&);
    // Requested by the protocol, or by Ctrl-C in the CLI.
    void cancel(Caller&, std::string_view id);
    // The plugin's requests end as `unknown` if they have effects, as errors otherwise, also in the journal; what may
    // run again ends as `interrupted`.
    void plugin_gone(const Plugin&, std::string_view why);
    // The plugin of this id runs, perhaps as another instance: what it left as `interrupted` in the last 30 s runs
    // again, and its servers get the real results.
    void plugin_back(const std::string& plugin);

    // Admits nothing more (BUSY), cancels nothing, and calls `idle` once nothing is in flight or `grace` has
    // passed.
    void drain(std::chrono::milliseconds grace, std::function<void()> idle);

    // Does what is due. The dispatcher's own timer calls it.
    void tick();

    // [any], these four:
    agh_status complete(std::string_view plugin, agh_req, const agh_reply*);
    agh_status progress(std::string_view plugin, agh_req, std::string_view json);
    agh_status stream(std::string_view plugin, agh_req, std::uint32_t channel, std::uint64_t offset,
                      std::string_view bytes);
    bool cancelled(agh_req) const;
    // The name of the caller whose request this is; empty when the request is stale. [any]
    std::string caller_of(agh_req) const;
    // The same; also empty when the request is another plugin's.
    std::string caller_of(agh_req, std::string_view plugin) const;
    // A nested call under the parent's policy (parent 0: under `may_call`). After AGH_PENDING `done` is
    // called exactly once, on the main thread. [any]
    agh_status call(std::string_view plugin, std::vector<std::string> may_call, agh_req parent,
                    std::string_view action, std::string_view params, std::uint64_t timeout_ns,
                    std::function<void(const agh_reply&)> done);
    // `audience` as in ext/events.h. [any]
    agh_status emit(std::string_view plugin, std::string_view topic, std::string_view audience,
                    agh_req origin, std::string_view json);

    [[nodiscard]] DispatchStats stats() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace agenthost::host
