// One request, or its WebSocket, as seen by callers: a generation-checked id, and the state that any thread
// may use. The rest belongs to the connection's I/O thread. Shared by the table, the connection and the calls
// that are under way.
#pragma once

#include "host/listener/routes.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace agenthost::host::listener {

class Connection;

struct Exchange {
    // asked -> answering | streaming | upgrading -> websocket; asked -> receiving -> received -> answering |
    // streaming; over.
    enum class Phase : std::uint8_t {
        asked,
        receiving,
        received,
        answering,
        streaming,
        upgrading,
        websocket,
        over
    };

    Exchange(std::shared_ptr<Connection> c, RoutePtr r, bool ws)
        : connection{std::move(c)}, route{std::move(r)}, websocket{ws}
    {}

    // Never reset: other threads read it.
    const std::shared_ptr<Connection> connection;
    const RoutePtr route;
    // May be upgraded.
    const bool websocket;
    agh_conn id = 0;
    std::atomic<Phase> phase{Phase::asked};
    // Bytes that send() or answer_chunk() accepted and that are not yet corked.
    std::atomic<std::size_t> queued{0};
    std::atomic<std::size_t> max_queued{256 * 1024};
    // A caller got BUSY and waits for on_writable.
    std::atomic<bool> blocked{false};

    bool move(Phase from, Phase to) { return phase.compare_exchange_strong(from, to); }
    // Reserves space for `n` bytes; an empty queue accepts a piece of any size, so that it can be sent.
    bool reserve(std::size_t n);
    [[nodiscard]] bool half_empty() const { return queued <= max_queued / 2; }

    // The rest on the connection's thread.
    //
    // Calls a function of the plugin: exchange.call(&agh_route_api::on_closed, 200).
    template <class Function, class... Args> auto call(Function agh_route_api::*function, Args... args) const
    {
        return (route->api.*function)(route->ctx, id, args...);
    }
    // Calls on_writable if a caller waits for it and half of the queue is free.
    void notify_writable();
};
using ExchangePtr = std::shared_ptr<Exchange>;

class ExchangeTable {
public:
    // Sets its id.
    void add(const ExchangePtr&);
    void remove(agh_conn);
    // Null: finished, or never existed.
    [[nodiscard]] ExchangePtr find(agh_conn) const;
    [[nodiscard]] std::vector<ExchangePtr> of(const Owner*) const;

private:
    struct Slot {
        std::uint32_t generation = 1;
        ExchangePtr exchange;
    };
    mutable std::mutex mutex_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
};

} // namespace agenthost::host::listener
