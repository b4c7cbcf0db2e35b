// One request, or its WebSocket, as seen by callers: a generation-checked id, and the state that any thread
// may use. The rest belongs to the connection's I/O thread.
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

    const std::shared_ptr<Connection> connection; // never reset: other threads read it
    const RoutePtr route;
    const bool websocket; // may be upgraded
    agh_conn id = 0;
    std::atomic<Phase> phase{Phase::asked};
    std::atomic<std::size_t> queued{0}; // bytes accepted by send() or answer_chunk() and not yet corked
    std::atomic<std::size_t> queue_limit{256 * 1024};
    std::atomic<bool> blocked{false}; // a caller got BUSY and waits for on_writable

    bool move(Phase from, Phase to) { return phase.compare_exchange_strong(from, to); }
    // Reserves room for `n` bytes; an empty queue accepts a piece of any size, so that it can be sent.
    bool reserve(std::size_t n);
};
using ExchangePtr = std::shared_ptr<Exchange>;

class ExchangeTable {
public:
    void add(const ExchangePtr&); // sets its id
    void remove(agh_conn);
    [[nodiscard]] ExchangePtr find(agh_conn) const; // null: finished or never existed
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
