// Owns the open HTTP requests: their callers and what happens next on each. Under the hub's lock.
//
// Handlers hold an Exchange, a handle that is cheap to copy. Once the connection is gone, and on a
// default-constructed handle, every call does nothing, so a handler need not check before answering whether
// the caller is still there. Only this folder accesses the table.
#pragma once

#include "http.hpp"
#include "http_host.hpp"
#include "plugins/hub/core/core.hpp"
#include "throttle.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

class Exchanges;

class Exchange {
public:
    using Body = std::function<void(const BodyEnd&)>;

    Exchange() = default;
    [[nodiscard]] Conn id() const { return conn_; }
    [[nodiscard]] bool there() const UNDER_LOCK; // its connection is still open
    // The subject of the caller's token; empty: none was needed, or the connection is gone.
    [[nodiscard]] std::string caller() const UNDER_LOCK;
    void set_caller(std::string subject) const UNDER_LOCK;

    // Each cancels on_drain().
    void answer(Answer) const UNDER_LOCK;
    void refuse(int status, std::string_view code, std::string_view message) const UNDER_LOCK;
    void busy(std::string_view why = {}) const UNDER_LOCK; // 503, with Retry-After

    // Answers in pieces. chunk(): from any thread, without the lock; AGH_E_BUSY: nothing was accepted.
    void begin(Answer head, std::uint64_t length) const UNDER_LOCK;
    [[nodiscard]] agh_status chunk(std::string_view) const;
    void finish() const UNDER_LOCK;
    void cut(int code, std::string_view why) const UNDER_LOCK; // ends the connection

    // Receives the body into memory; `then` is called only if it is complete.
    void receive(std::uint64_t max, std::function<void(const std::string&)> then) const UNDER_LOCK;
    // Receives the body into the file. `progress` is called meanwhile; false stops the body. `ended` is
    // always called at the end.
    void receive(std::shared_ptr<SpoolFile>, std::uint64_t max,
                 std::function<bool(std::uint64_t landed)> progress, Body ended) const UNDER_LOCK;

    void on_drain(std::function<void()>) const UNDER_LOCK;  // called when the hub shuts down, to answer now
    void on_closed(std::function<void()>) const UNDER_LOCK; // called before or after the answer
    // The answer is sent from this file: its spool space stays in use until the caller has received it.
    void keep(std::shared_ptr<const SpoolFile>) const UNDER_LOCK;

    friend bool operator<(const Exchange& a, const Exchange& b) { return a.conn_ < b.conn_; }

private:
    friend class Exchanges;
    Exchange(Exchanges& all, Conn conn) : all_{&all}, conn_{conn} {}

    Exchanges* all_ = nullptr;
    Conn conn_ = 0;
};

class Exchanges {
public:
    Exchanges(Core& core, HttpHost& host) : core_{core}, host_{host} {}

    Exchange open(Conn) UNDER_LOCK;                  // a new request
    Exchange at(Conn conn) { return {*this, conn}; } // its handle
    // Refuses an upgrade. Upgrades are not in the table.
    void refuse_upgrade(Conn, Answer) UNDER_LOCK;

    // Events from the listener.
    void body(Conn, const BodyEnd&) UNDER_LOCK;
    bool progress(Conn, std::uint64_t landed) UNDER_LOCK; // false: reject the rest of this body
    void closed(Conn) UNDER_LOCK;

    void drain() UNDER_LOCK; // the hub shuts down
    [[nodiscard]] bool empty() const UNDER_LOCK { return open_.empty(); }

    // Counts an invalid credential from this address: returns the seconds to wait (answer 429), or 0 (answer
    // with the reason). Valid credentials are never counted or delayed, so that one broken client behind a
    // proxy does not lock out the others.
    long failed(std::string_view peer) UNDER_LOCK;

private:
    friend class Exchange;
    struct State { // dropped with its connection
        Exchange::Body on_body;
        std::function<bool(std::uint64_t landed)> on_progress;
        std::function<void()> on_drain, on_closed;
        std::shared_ptr<const SpoolFile> sending;
        std::string caller;
    };
    State* find(Conn) UNDER_LOCK;
    void answer(Conn, Answer) UNDER_LOCK;

    Core& core_;
    HttpHost& host_;
    std::unordered_map<Conn, State> open_ GUARDED;
    Throttle throttle_ GUARDED;
};

} // namespace agenthost::hub
