// A WebSocket after its request, behind a narrow header: a bounded send queue, limits, pings and a clean end. Its frames are read by
// net::FrameSocket, or by Beast where the peer offers to compress and the limits allow it.
// All calls and callbacks on the connection's I/O thread.
#pragma once

#include "host/net/stream.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::host::listener {

// Small until the plugin knows who it is.
struct WebSocketLimits {
    std::uint64_t message_bytes = 4096, send_queue = 65'536;
    std::chrono::milliseconds idle{10'000}; // until the first message
    std::chrono::milliseconds ping{30'000}; // 0: none
    std::chrono::milliseconds silent{
        0}; // closed when nothing came for so long, no pong either; 0: by pings only
    std::uint64_t compress_from =
        0; // bytes of a message; 0: never. Of the upgrade only, and where the peer offers it
};
// Changes the keys given; false: not an object of numbers.
bool merge_limits(WebSocketLimits&, std::string_view json);

class WebSocketEvents {
public:
    virtual void ws_message(int opcode, std::string_view message) = 0;
    virtual void ws_sent(std::size_t bytes) = 0; // left the queue
    virtual void ws_ended(int code) = 0;         // last; the socket is closed

protected:
    ~WebSocketEvents() = default;
};

class WebSocket {
public:
    using Request = boost::beast::http::request<boost::beast::http::empty_body>;
    using Clock = std::chrono::steady_clock;

    virtual ~WebSocket() = default;
    virtual void accept(Request, std::vector<std::pair<std::string, std::string>> headers) = 0;
    virtual void send(int opcode, std::string message) = 0; // the bound is the caller's (Exchange::reserve)
    virtual void set_limits(const WebSocketLimits&) = 0;
    [[nodiscard]] virtual WebSocketLimits limits() const = 0;
    virtual void pause(bool on) = 0;
    virtual void close(int code, std::string_view reason) = 0; // after what is queued
    virtual void abort(int code) = 0;                          // now
    virtual void tick(Clock::time_point now) = 0;
    [[nodiscard]] virtual bool open() const = 0;
};

// `owner` keeps `events` alive until ws_ended() has returned.
std::shared_ptr<WebSocket> make_websocket(net::Stream, WebSocketLimits, const WebSocket::Request&,
                                          WebSocketEvents& events, std::shared_ptr<void> owner);

// Is this a well-formed request for a WebSocket (RFC 6455, version 13)?
enum class Handshake { no, good, bad };
Handshake websocket_handshake(const WebSocket::Request&);

} // namespace agenthost::host::listener
