// What every WebSocket of a listener has, whichever code reads and writes its frames: limits, the queue of
// messages to send, the closing handshake and an end that is reported once. Its clock is a WebSocketClock.
// On the connection's thread; owned by the Connection and by its own pending operations. Private to
// host/listener.
//
// One class, although it has more than 25 members: most are the interface of WebSocket and the calls that its
// two derived classes share.
#pragma once

#include "host/listener/websocket.hpp"
#include "host/listener/websocket_clock.hpp"

#include <functional>
#include <list>

namespace agenthost::host::listener {

class TimedWebSocket : public WebSocket, public std::enable_shared_from_this<TimedWebSocket> {
public:
    TimedWebSocket(WebSocketLimits limits, WebSocketEvents& events, std::shared_ptr<void> owner)
        : limits_{limits}, events_{&events}, owner_{std::move(owner)}
    {}

    [[nodiscard]] WebSocketLimits limits() const override { return limits_; }
    void close(int code, std::string_view reason) override;
    void abort(int code) override { end(code); }
    void tick(Clock::time_point now) override;
    [[nodiscard]] bool open() const override { return open_ && !ended_; }

protected:
    static constexpr int lost = 1006;

    [[nodiscard]] virtual net::Stream& stream() = 0;
    // Sends queued messages, then the close frame if close() was called.
    virtual void write() = 0;
    virtual void send_ping() = 0;
    // Ends reading and writing.
    virtual void close_stream() = 0;

    // Call it after the handshake.
    void opened();
    // Call it before our close frame is sent.
    void close_frame_sent();
    // The code for ws_ended() when the closing handshake is complete. `theirs`: of the peer's frame, 0 if it
    // had none.
    [[nodiscard]] int closed_code(int theirs) const;
    // Ends after a protocol violation of the peer, or because the connection broke.
    void end_with(net::error_code);
    // The connection is over; further calls do nothing. `linger`: the peer has time to read our close frame.
    void end(int code, bool linger = false);

    struct Message {
        int opcode;
        std::string text;
    };

    WebSocketLimits limits_;
    WebSocketEvents* events_;
    // A list: empty, it holds no memory.
    std::list<Message> queue_;
    std::string close_reason_;
    // Of close(), and for ws_ended().
    int close_code_ = 0, code_ = lost;
    bool open_ = false, heard_ = false, paused_ = false, closing_ = false, close_sent_ = false,
         ended_ = false;

private:
    void discard();
    void finish();

    std::shared_ptr<void> owner_;
    WebSocketClock clock_{Clock::now()};
    // Bytes that were dropped while lingering.
    std::uint64_t discarded_ = 0;
};

// The two kinds: Beast reads and writes the frames of connections that may compress, net::FrameSocket those
// of all others.
std::shared_ptr<WebSocket> make_beast_websocket(net::Stream, WebSocketLimits, WebSocketEvents&,
                                                std::shared_ptr<void> owner);
std::shared_ptr<WebSocket> make_frame_websocket(net::Stream, WebSocketLimits, WebSocketEvents&,
                                                std::shared_ptr<void> owner);

// Answers an upgrade request with 101 through Beast, without extensions; afterwards the stream is taken back.
class Upgrade {
public:
    virtual ~Upgrade() = default;
    [[nodiscard]] virtual net::Stream& stream() = 0;
    virtual void accept(WebSocket::Request, std::vector<std::pair<std::string, std::string>> headers,
                        std::function<void(net::error_code)> done) = 0;
};
std::shared_ptr<Upgrade> make_upgrade(net::Stream);

} // namespace agenthost::host::listener
