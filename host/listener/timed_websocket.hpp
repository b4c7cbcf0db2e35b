// Owns what every WebSocket of a listener has, whatever reads and writes its frames: the limits, the queue of messages to send, the clock
// (first message, pings, silence, a peer that takes nothing, the closing handshake), and the end that is told once. Private to host/listener.
#pragma once

#include "host/listener/websocket.hpp"

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
    // Sends what is queued, then the close frame; from close().
    virtual void write() = 0;
    virtual void send_ping() = 0;
    // Nothing is read or sent any more.
    virtual void close_stream() = 0;

    // After the handshake.
    void opened();
    // Our close frame is on its way.
    void close_frame_sent();
    // The code on_closed() tells when the closing handshake is complete; `theirs` is 0 when the peer gave none.
    [[nodiscard]] int closed_code(int theirs) const;
    // A fault of the peer's, or what broke the connection.
    void end_with(net::error_code);
    // Once: the connection is over. `linger`: the peer is given time to read our close frame.
    void end(int code, bool linger = false);

    struct Message {
        int opcode;
        std::string text;
    };

    WebSocketLimits limits_;
    WebSocketEvents* events_;
    std::list<Message> queue_; // a list: empty costs nothing
    std::string close_reason_;
    int close_code_ = 0;
    bool open_ = false, heard_ = false, paused_ = false, closing_ = false, close_sent_ = false,
         ended_ = false;

private:
    void ping(Clock::time_point now);
    void watch_silence(Clock::time_point now);
    void watch_writes(Clock::time_point now);
    void discard();
    void finish();

    std::shared_ptr<void> owner_;
    Clock::time_point opened_at_, pinged_at_, deadline_;
    // The answer to the upgrade may wait in the cork when the clock ticks.
    Clock::time_point sent_at_ = Clock::now();
    // The last sign of life that a tick has seen.
    Clock::time_point sign_at_;
    std::uint64_t discarded_ = 0, seen_in_ = 0, seen_out_ = 0, silent_at_ = 0;
    int unheard_ = 0, code_ = lost;
};

// The two kinds. `beast`: frames by Beast, for a connection that may compress.
std::shared_ptr<WebSocket> make_beast_websocket(net::Stream, WebSocketLimits, WebSocketEvents&,
                                                std::shared_ptr<void> owner);
std::shared_ptr<WebSocket> make_frame_websocket(net::Stream, WebSocketLimits, WebSocketEvents&,
                                                std::shared_ptr<void> owner);

// Answers the request for an upgrade with 101 by Beast, without extensions, and gives the stream back.
class Upgrade {
public:
    virtual ~Upgrade() = default;
    [[nodiscard]] virtual net::Stream& stream() = 0;
    virtual void accept(WebSocket::Request, std::vector<std::pair<std::string, std::string>> headers,
                        std::function<void(net::error_code)> done) = 0;
};
std::shared_ptr<Upgrade> make_upgrade(net::Stream);

} // namespace agenthost::host::listener
