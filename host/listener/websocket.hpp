// A WebSocket after its upgrade request, behind a narrow header: a bounded send queue, limits, pings and a
// clean end. net::FrameSocket reads its frames, or Beast if the peer offers to compress and the limits allow
// it. All calls and callbacks on the connection's I/O thread; owned by the Connection.
#pragma once

#include "host/listener/websocket_limits.hpp"
#include "host/net/stream.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::host::listener {

class WebSocketEvents {
public:
    virtual void ws_message(int opcode, std::string_view message) = 0;
    // A message of so many bytes left the queue.
    virtual void ws_sent(std::size_t bytes) = 0;
    // The last call; the socket is closed.
    virtual void ws_ended(int code) = 0;

protected:
    ~WebSocketEvents() = default;
};

class WebSocket {
public:
    using Request = boost::beast::http::request<boost::beast::http::empty_body>;
    using Clock = std::chrono::steady_clock;

    virtual ~WebSocket() = default;
    virtual void accept(Request, std::vector<std::pair<std::string, std::string>> headers) = 0;
    // The caller bounds the queue (Exchange::reserve).
    virtual void send(int opcode, std::string message) = 0;
    virtual void set_limits(const WebSocketLimits&) = 0;
    [[nodiscard]] virtual WebSocketLimits limits() const = 0;
    virtual void pause(bool on) = 0;
    // Closes after the queued messages.
    virtual void close(int code, std::string_view reason) = 0;
    // Ends without a closing handshake.
    virtual void abort(int code) = 0;
    virtual void tick(Clock::time_point now) = 0;
    [[nodiscard]] virtual bool open() const = 0;
};

// `owner` keeps `events` alive until ws_ended() has returned.
std::shared_ptr<WebSocket> make_websocket(net::Stream, WebSocketLimits, const WebSocket::Request&,
                                          WebSocketEvents& events, std::shared_ptr<void> owner);

// Whether the request asks for a WebSocket (RFC 6455, version 13), and is well-formed.
enum class Handshake { no, good, bad };
Handshake websocket_handshake(const WebSocket::Request&);

} // namespace agenthost::host::listener
