// Owns a bound and listening socket, and opens one. On its io_context's thread; owned by a Listening. Private
// to host/listener.
#pragma once

#include "host/listener/server.hpp"
#include "netclient/ip_address.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <sys/types.h>

namespace agenthost::host::listener {

struct Acceptor {
    Acceptor(asio::io_context& context, int fd)
        : io{context}, descriptor{context.get_executor(), fd}, timer{context}
    {}
    ~Acceptor() { remove_file(); }
    // Removes the socket file if it is still ours.
    void remove_file();

    asio::io_context& io;
    net::Core::Descriptor descriptor;
    asio::steady_timer timer;
    // Distinguishes the sockets of one listener.
    std::uint64_t serial = next_serial++;
    // As written in the configuration; empty: a unix socket.
    std::string bind;
    // "127.0.0.1:3001", "[::]:3001".
    std::string address;
    netclient::IpEndpoint endpoint;
    // An IPv4 socket, or an IPv6 one for both families.
    bool serves_v4 = false;
    std::string path;
    dev_t device{};
    ino_t inode{};

private:
    static inline std::atomic<std::uint64_t> next_serial{1};
};

// Whether one of our sockets serves IPv4 on this port. "[::]:PORT" then accepts IPv6 only.
using ServesV4 = std::function<bool(std::uint16_t port)>;

// On failure: null, and an error message in `problem`.
AcceptorPtr bind_tcp(asio::io_context&, const std::string& bind, const ServesV4&, std::string& problem);
AcceptorPtr bind_unix(asio::io_context&, const std::string& path, std::string& problem);

// The address that other machines are most likely to reach: a specific one before a wildcard, loopback last.
std::string best_address(const std::vector<AcceptorPtr>&);

} // namespace agenthost::host::listener
