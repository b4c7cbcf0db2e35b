// Opens the byte stream to a server, up to where its WebSocket handshake begins: TCP to the first address
// that answers, CONNECT through the proxy if there is one, TLS.
//
// Main I/O thread. Owned by WebSocketLink (link.cpp).
#pragma once

#include "host/dispatch/alive.hpp"
#include "host/net/stream.hpp"
#include "host/session/link.hpp"
#include "netclient/proxy.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <optional>
#include <string>

namespace agenthost::host {

class Dial {
public:
    // Takes address, proxy, TLS and time limit from `options`, which must outlive it.
    Dial(boost::asio::any_io_executor main, const Link::Options& options);

    // Calls `done` once from the event loop: with the problem, or with an empty text when the stream is
    // ready.
    void start(std::function<void(std::string problem)> done);
    // Closes what is open; `done` is not called any more.
    void stop();

    // Null until TCP is connected, and after take_stream().
    [[nodiscard]] const net::Stream* stream() const { return stream_ ? &*stream_ : nullptr; }
    // Once it is ready.
    [[nodiscard]] net::Stream take_stream();

private:
    void connect();
    void connected();
    void ask_proxy();
    void wait_for_proxy();
    void read_from_proxy();
    void secure();
    void finish(std::string problem);
    [[nodiscard]] std::string no_address() const;

    boost::asio::any_io_executor main_;
    const Link::Options& options_;
    std::function<void(std::string)> done_;
    std::size_t next_address_ = 0;
    // The last address and its error.
    std::string tried_;
    boost::asio::ip::tcp::socket socket_;
    boost::asio::steady_timer timer_;
    std::optional<net::Stream> stream_;
    netclient::ConnectAnswer tunnel_;
    Alive alive_;
};

} // namespace agenthost::host
