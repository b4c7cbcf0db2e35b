// A WebSocket by Beast: the handshake of every connection to a server, and the messages of those that
// negotiated permessage-deflate. Offers the same calls as net::FrameSocket, which serves the other
// connections.
//
// All calls and callbacks run on the main I/O thread. Owned by WebSocketLink (link.cpp).
#pragma once

#include "host/net/frame_socket.hpp"
#include "host/session/step_queue.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::host {

class BeastSocket {
public:
    using Owner = net::FrameSocket::Owner;

    struct Request {
        // "files.example.com:8443", "/agent?x=1"
        std::string host, target;
        // The last one of a name wins; may be secret.
        std::vector<std::pair<std::string, std::string>> headers;
        std::uint64_t max_message = 0;
        // Offers compression; messages below compress_from bytes are not compressed.
        bool compress = false;
        std::size_t compress_from = 0;
    };
    struct Response {
        net::error_code error;
        unsigned status = 0;
        // The Date header; empty: none.
        std::string date;
        bool compressed = false;
    };

    virtual ~BeastSocket() = default;
    virtual void upgrade(Request, std::function<void(Response)> done) = 0;
    // After an upgrade without compression, for a FrameSocket. No other call may follow.
    [[nodiscard]] virtual net::Stream take_stream() = 0;

    // As of net::FrameSocket.
    virtual void start() = 0;
    virtual void pause(bool) = 0;
    // Text only.
    [[nodiscard]] virtual bool send(net::Opcode, std::string_view message) = 0;
    // A ping that waits for an earlier one is replaced by a later one.
    virtual void ping(std::string_view payload) = 0;
    virtual void close(std::uint16_t code, std::string_view reason) = 0;
    virtual void abort() = 0;
    [[nodiscard]] virtual int close_code() const = 0;
    [[nodiscard]] virtual std::string close_reason() const = 0;
    [[nodiscard]] virtual const std::string& seen_at_fault() const = 0;
    [[nodiscard]] virtual const net::Stream& stream() const = 0;

    // Runs the steps of every message.
    [[nodiscard]] virtual StepQueue::Executor executor() = 0;
};

// `life` keeps `owner` alive; after it expires no callback runs.
std::shared_ptr<BeastSocket> make_beast_socket(net::Stream, BeastSocket::Owner& owner,
                                               std::weak_ptr<void> life);

} // namespace agenthost::host
