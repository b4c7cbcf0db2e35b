// What the parts of the hub share, and what they ask of the daemon.
//
// One lock guards all state of the hub (Core and everything that holds a reference to it). Nothing is called outside while it is
// held: what the parts want done lands in the outbox, and whoever leaves the lock carries it out, in order, one thread at a time.
// So a callback may come from any thread, also from inside a call into the daemon.
#pragma once

#include "config.hpp"
#include "plugins/hub/http/http.hpp"
#include "plugins/hub/http/throttle.hpp"
#include "plugins/hub/store/tables.hpp"
#include "timers.hpp"

#include "netclient/address_key.hpp"

#include <agenthost/ext/listener.h>
#include <agenthost/ext/log.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace agenthost::hub {

using Conn = agh_conn;

enum class Metric : std::uint8_t {
    agents,
    open_tasks,
    auth_failures,
    tasks_success,
    tasks_error,
    tasks_failed,
    resent,
    bytes_in,
    bytes_out,
    spool,
    requests,
    refused,
    dashboards,
    dashboard_dropped
};
inline constexpr std::size_t metric_count = 14;

// The daemon, as far as the hub needs it. plugin.cpp makes it of the SDK; tests of a script. Any thread.
class Host {
public:
    virtual ~Host() = default;
    virtual void answer(Conn, const Answer&) = 0;
    // An answer in pieces: `head` without its body, the length of the whole or UINT64_MAX. chunk: AGH_E_BUSY, nothing was taken.
    virtual agh_status begin(Conn, const Answer& /*head*/, std::uint64_t /*length*/)
    {
        return AGH_E_UNSUPPORTED;
    }
    virtual agh_status chunk(Conn, std::string_view) { return AGH_E_UNSUPPORTED; }
    virtual void finish(Conn) {}
    virtual void receive(Conn, const SpoolFile*, std::uint64_t max) = 0; // nullptr: into memory
    virtual void upgrade(Conn, std::string_view headers_json, std::string_view limits_json) = 0;
    virtual agh_status send(Conn, std::string_view text) = 0;
    virtual void limits(Conn, std::string_view limits_json) = 0;
    virtual void close(Conn, int code, std::string_view reason) = 0;
    virtual void pause(Conn, bool /*on*/) {}               // stop and go on reading its frames
    [[nodiscard]] virtual std::string address() const = 0; // of the listener: "https://127.0.0.1:3001"
    virtual void log(int level, std::string_view message, std::string_view fields_json) = 0;
    virtual void record(Metric, double) = 0;
    virtual void publish(std::string_view key, std::string_view json) = 0;
};

struct BodyEnd {
    agh_status status = AGH_OK;
    std::uint64_t length = 0;
    std::string sha256; // hex
    std::string data;   // received into memory
};

struct Core {
    Core(Config c, Host& h) : config{std::move(c)}, host{h} {}

    const Config config;
    Host& host;
    Timers timers;
    std::vector<std::function<void()>> outbox;

    // What is to happen next on an HTTP exchange; dropped with it.
    struct Exchange {
        std::function<void(BodyEnd)> on_body;
        std::function<void()> on_closed; // before it was answered, or after
        std::function<void()> on_drain;  // the hub goes down: answers now what it can
        std::function<bool(std::uint64_t landed)>
            on_progress;                 // of a body on its way into `file`; false: no more of it
        std::shared_ptr<SpoolFile> file; // the body goes here; lives until on_body
        std::shared_ptr<const SpoolFile>
            sending;        // the answer comes out of it: its room is taken until the caller has it
        std::string caller; // the subject of its token; empty: it needs none
    };
    std::unordered_map<Conn, Exchange> exchanges;

    std::function<void(const std::function<void()>&)>
        enter; // takes the lock, runs, lets go; not while holding it
    std::function<bool(std::function<void()>)>
        blocking; // on the hub's worker, without the lock; false: too much waits

    bool draining = false; // nothing new is begun

    // Clocks, replaced by tests.
    std::function<std::int64_t()> utc = [] {
        using namespace std::chrono;
        return std::int64_t{duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()};
    };
    std::function<Timers::Time()> now = [] { return std::chrono::steady_clock::now(); };

    void answer(Conn conn, Answer a)
    {
        host.record(Metric::requests, 1);
        if (a.status >= 400) host.record(Metric::refused, 1);
        outbox.push_back([this, conn, a = std::move(a)] { host.answer(conn, a); });
    }
    void log(int level, std::string message, std::string fields = {})
    {
        outbox.push_back(
            [this, level, m = std::move(message), f = std::move(fields)] { host.log(level, m, f); });
    }
    // What anybody who reaches the port can cause.
    void log_stranger(std::string message, std::string fields = {})
    {
        const auto left_out = strangers.open(now());
        if (!left_out) return;
        if (*left_out > 0) message += " (" + std::to_string(*left_out) + " such lines were left out)";
        log(AGH_LOG_WARN, std::move(message), std::move(fields));
    }
    LogGate strangers;

    // Somebody at this address presented a credential that is not good: seconds to wait (answer 429), or 0 (answer why). What is good
    // is never counted and never asked, so that one broken client behind a proxy does not lock the others out.
    long failed(std::string_view peer) { return throttle.refused(netclient::address_key(peer), now()); }
    Throttle throttle;
};

} // namespace agenthost::hub
