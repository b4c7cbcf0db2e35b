// The other end of a dispatch benchmark: a WebSocket server for one client, hand-written over blocking
// sockets so that it costs little itself. It welcomes the client (a storage agent's auth frame, or an echo
// peer's first frame), then keeps `window` frames in flight and counts what comes back. Plain or TLS.
#pragma once

#include "base/fd.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace agenthost::bench {

class LoadServer {
public:
    // certificate and key: PEM files; empty: plain.
    explicit LoadServer(const std::string& certificate = {}, const std::string& key = {});
    ~LoadServer();
    [[nodiscard]] int port() const { return port_; }

    void accept_websocket(bool storage_auth); // throws std::runtime_error
    void accept_raw();
    void drop();

    struct Run {
        double seconds = 0;
        std::vector<double> latencies_us; // window 1 only
        std::uint64_t bad = 0;            // answers without `expect`
    };
    // `frame` makes the i-th message; each 64th answer must contain `expect`.
    Run exchange(std::uint64_t count, unsigned window,
                 const std::function<void(std::uint64_t, std::string&)>& frame, std::string_view expect);
    Run ping_pong_raw(std::uint64_t count, std::size_t bytes);

private:
    std::size_t receive(char* data, std::size_t size);
    void send_all(std::string_view);
    // Whole frames in buffer_; returns data frames consumed, answers pings.
    std::uint64_t consume(std::string_view expect, std::uint64_t seen, std::uint64_t& bad);

    base::Fd listener_, socket_;
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
    int port_ = 0;
    std::string buffer_;
    std::size_t used_ = 0;
};

} // namespace agenthost::bench
