// Watches the time of one WebSocket: the first message, pings, silence, a peer that does not read, the
// closing handshake. Pure: the times and counters are passed in. Owned by a TimedWebSocket; private to
// host/listener.
#pragma once

#include "host/listener/websocket_limits.hpp"

#include <chrono>
#include <cstdint>

namespace agenthost::host::listener {

class WebSocketClock {
public:
    using Time = std::chrono::steady_clock::time_point;
    enum class Due : std::uint8_t {
        nothing,
        ping,
        // The first message did not arrive in time.
        idle,
        // The connection is lost, or the peer is too slow.
        lost
    };
    // The connection at a tick.
    struct Sight {
        // The handshake is done and no close was requested.
        bool open = false, closing = false;
        // A message was received.
        bool heard = false;
        // Reading is paused, so signs of life are not noticed.
        bool paused = false;
        // Something waits to be sent.
        bool unsent = false;
        // On the wire.
        std::uint64_t bytes_in = 0, bytes_out = 0;
    };

    explicit WebSocketClock(Time now) : sent_at_{now} {}

    // After the handshake.
    void opened(Time now);
    // A close was requested; queued messages are sent first.
    void closing(Time now);
    // Our close frame was sent: the peer has a few seconds for its own.
    void close_frame_sent(Time now);
    // The connection is over; the peer has a moment to read our close frame, until `lingered()`.
    void linger(Time now);
    [[nodiscard]] bool lingered(Time now) const { return now >= deadline_; }

    // Called a few times a second.
    Due tick(Time now, const WebSocketLimits&, const Sight&);

private:
    bool peer_gone(Time now, const Sight&);
    bool silent(Time now, const WebSocketLimits&, const Sight&);
    bool stalled(Time now, const Sight&);

    Time opened_at_, pinged_at_, deadline_;
    // The answer to the upgrade may still be in the cork at the first tick.
    Time sent_at_;
    // The last sign of life that a tick saw.
    Time sign_at_;
    // Counters at the last ping, write and sign of life.
    std::uint64_t seen_in_ = 0, seen_out_ = 0, sign_in_ = 0;
    int unanswered_pings_ = 0;
};

} // namespace agenthost::host::listener
