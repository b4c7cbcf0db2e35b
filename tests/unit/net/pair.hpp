// Two connected Streams on one loop, plain or through a real TLS handshake; certificates made by openssl(1).
#pragma once

#include "host/net/stream.hpp"
#include "tests/support/support.hpp"

#include <boost/asio/io_context.hpp>

#include <optional>
#include <string>

namespace agenthost::test {

// ca.pem, and server.pem/server.key for "localhost" and 127.0.0.1 signed by it, other.key,
// client.pem/client.key.
class Certificates {
public:
    Certificates();
    [[nodiscard]] std::string operator()(std::string_view name) const { return (dir_ / name).string(); }

private:
    TempDir dir_;
};
const Certificates& certificates();

// Runs the loop until the condition holds; false when `max_wait` passes first.
bool run_until(boost::asio::io_context& io, const std::function<bool()>& condition,
               std::chrono::milliseconds most = max_wait);

struct Pair {
    explicit Pair(bool tls);
    boost::asio::io_context io{1};
    std::optional<host::net::Stream> a, b; // a is the client
};

// A connected, non-blocking AF_UNIX pair.
std::pair<int, int> socket_pair();

} // namespace agenthost::test
