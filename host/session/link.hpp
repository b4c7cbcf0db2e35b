// One WebSocket connection to a server, from connecting to its end. Contains no protocol and no policy;
// reports events to its owner.
//
// Main I/O thread. Owned by OutboundSession. link.cpp connects its parts: Dial opens the byte stream,
// BeastSocket makes the handshake, net::FrameSocket (or BeastSocket, if compression was negotiated) reads and
// writes the messages, link_ends.hpp describes the end.
#pragma once

#include "netclient/proxy.hpp"
#include "netclient/tls.hpp"
#include "netclient/url.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::host {

class Link {
public:
    struct Options {
        netclient::Url url;
        // The last one of a name wins; may be secret.
        std::vector<std::pair<std::string, std::string>> headers;
        std::vector<boost::asio::ip::tcp::endpoint> addresses; // the proxy's when there is one
        std::optional<netclient::Proxy> proxy;
        netclient::TlsContextPtr tls;
        // Of one inbound message; a longer one is answered with 1009.
        std::uint64_t message_bytes = 1 << 20;
        // For TCP to one address; then the next is tried.
        std::chrono::milliseconds address_timeout{5'000};
        std::string user_agent;
        // Offers permessage-deflate; only messages of compress_from bytes or more are compressed.
        bool compress = false;
    };
    // Compressing smaller messages does not pay off.
    static constexpr std::size_t compress_from = 10 << 10;
    struct End {
        std::string why;      // empty: we closed it
        bool refused = false; // the server rejected our identity (401, 403, close 1008)
        int close_code = 0;   // from the peer; 0: no close frame received, or it had no code
        std::string close_reason{};
    };
    // Called from the event loop, never inside a call to the Link.
    class Owner {
    public:
        virtual ~Owner() = default;
        virtual void on_open() = 0;
        virtual void on_frame(std::string_view text) = 0;
        // False: the protocol has no such frame, and the connection is closed with 1003.
        virtual bool on_binary(std::string_view bytes) = 0;
        virtual void on_ping() = 0;
        virtual void on_pong(std::string_view payload) = 0;
        // Returns the next frame to write; empty: none, call kick() when there is one. Valid until
        // on_written().
        virtual std::string_view next_frame() = 0;
        virtual void on_written() = 0;
        // Called exactly once, as the last call, unless forget() was called.
        virtual void on_end(const End&) = 0;
    };

    virtual ~Link() = default;
    virtual void open() = 0;
    // Call it when next_frame() has a frame.
    virtual void kick() = 0;
    // Sent after the frames written so far. A ping that waits for space is replaced by a later one.
    virtual void ping(std::string payload) = 0;
    // True pauses reading, false resumes it. Once it is open.
    virtual void hold(bool) = 0;
    virtual void close(int code, std::string_view reason) = 0;
    // Closes immediately; on_end() follows.
    virtual void abort() = 0;
    // Closes immediately without callbacks: the owner is being destroyed.
    virtual void forget() = 0;
    [[nodiscard]] virtual bool writing() const = 0;
    // Moves out the Date of the upgrade's answer, refusals included; empty: none. Call it in on_open(), or in
    // on_end() of an attempt that never opened; later the value is stale.
    [[nodiscard]] virtual std::string take_date() = 0;
    // On the wire.
    [[nodiscard]] virtual std::uint64_t bytes_in() const = 0;
    [[nodiscard]] virtual std::uint64_t bytes_out() const = 0;
};

std::shared_ptr<Link> make_link(const boost::asio::any_io_executor&, Link::Options, Link::Owner&);

} // namespace agenthost::host
