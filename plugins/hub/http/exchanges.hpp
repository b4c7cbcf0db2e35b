// Owns the HTTP requests that are not over: what happens next on each, and who asked. Under the hub's lock.
//
// Handlers hold an Exchange, a handle that is cheap to copy. Once the connection is gone, or with a default-made handle, every call on
// it does nothing: nobody has to ask whether the caller is still there before answering. Nobody but this room sees the table.
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
    [[nodiscard]] bool there() const UNDER_LOCK; // its connection is not gone
    // The subject of the caller's token; empty: it needed none, or is gone.
    [[nodiscard]] std::string caller() const UNDER_LOCK;
    void set_caller(std::string subject) const UNDER_LOCK;

    // Each ends what on_drain() said.
    void answer(Answer) const UNDER_LOCK;
    void refuse(int status, std::string_view code, std::string_view message) const UNDER_LOCK;
    void busy(std::string_view why = {}) const UNDER_LOCK; // 503, with Retry-After

    // An answer in pieces. chunk(): from any thread, without the lock; AGH_E_BUSY: nothing was taken.
    void begin(Answer head, std::uint64_t length) const UNDER_LOCK;
    [[nodiscard]] agh_status chunk(std::string_view) const;
    void finish() const UNDER_LOCK;
    void cut(int code, std::string_view why) const UNDER_LOCK; // ends the connection

    // Receives the body, into memory; `then` is called with it unless it did not come whole.
    void receive(std::uint64_t max, std::function<void(const std::string&)> then) const UNDER_LOCK;
    // Receives the body into the file. `progress`, while it comes: false ends it. `ended` is called however it ends.
    void receive(std::shared_ptr<SpoolFile>, std::uint64_t max,
                 std::function<bool(std::uint64_t landed)> progress, Body ended) const UNDER_LOCK;

    void on_drain(std::function<void()>) const UNDER_LOCK;  // the hub goes down: answers now what it can
    void on_closed(std::function<void()>) const UNDER_LOCK; // before it was answered, or after
    // The answer comes out of this file: its room is taken until the caller has it.
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

    Exchange open(Conn) UNDER_LOCK;                  // a request has come
    Exchange at(Conn conn) { return {*this, conn}; } // its handle
    // Refuses an upgrade. Upgrades are not in the table.
    void refuse_upgrade(Conn, Answer) UNDER_LOCK;

    // From the listener.
    void body(Conn, const BodyEnd&) UNDER_LOCK;
    bool progress(Conn, std::uint64_t landed) UNDER_LOCK; // false: no more of this body
    void closed(Conn) UNDER_LOCK;

    void drain() UNDER_LOCK; // the hub goes down
    [[nodiscard]] bool empty() const UNDER_LOCK { return open_.empty(); }

    // Somebody at this address presented a credential that is not good: seconds to wait (answer 429), or 0 (answer why). What is good
    // is never counted and never asked, so that one broken client behind a proxy does not lock the others out.
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
