// Proves that the peer has the results that were sent: a ping follows them, and its pong confirms them.
// Results are gathered for 100 ms before a ping asks.
//
// Main I/O thread. Owned by OutboundSession.
#pragma once

#include "host/dispatch/alive.hpp"
#include "wire/session/delivery.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <string>

namespace agenthost::host {

class DeliveryProof {
public:
    // `ping` sends a ping with this payload, if there is a connection.
    DeliveryProof(boost::asio::any_io_executor main, std::function<void(std::string payload)> ping);

    // A connection begins or has ended: what is not proven will be sent again.
    void reset();
    // A frame was written. `row`: of the journal, or 0. `at_once`: no more results follow.
    void written(std::size_t bytes, std::uint64_t row, bool at_once);
    // A result that the protocol cannot express: the next pong proves it.
    void skipped(std::uint64_t row) { delivery_.sent(row); }
    // Pings now: the heartbeat's pings prove delivery, too.
    void ping() { ping_(delivery_.ping()); }
    // Pings if results wait that no ping on its way will prove.
    void ask();
    // Calls `delivered(row)` for each row that it proves.
    template <class Delivered> void pong(std::string_view payload, Delivered delivered)
    {
        delivery_.pong(payload, std::move(delivered));
        if (!gathering_) ask();
    }

    [[nodiscard]] bool waiting() const { return delivery_.waiting(); }
    [[nodiscard]] bool full() const { return delivery_.full(); }
    [[nodiscard]] wire::Delivery::Largest largest() const { return delivery_.largest(); }

private:
    std::function<void(std::string)> ping_;
    wire::Delivery delivery_;
    boost::asio::steady_timer timer_;
    // The timer is running.
    bool gathering_ = false;
    Alive alive_;
};

} // namespace agenthost::host
