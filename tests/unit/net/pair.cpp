#include "pair.hpp"

#include "host/config/config.hpp"

#include <stdexcept>

#include <sys/socket.h>

namespace agenthost::test {

Certificates::Certificates()
{
    const auto made = run({"/bin/sh", "-ec", R"(cd "$0"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj "/CN=test authority" \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign
for who in server client; do
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $who.key -out $who.csr -subj "/CN=$who"
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > $who.ext
  openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $who.pem -days 2 -extfile $who.ext
done
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout middle.key -out middle.csr -subj "/CN=intermediate"
printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n' > middle.ext
openssl x509 -req -in middle.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out middle.pem -days 2 -extfile middle.ext
openssl x509 -req -in server.csr -CA middle.pem -CAkey middle.key -CAcreateserial -out below.pem -days 2 -extfile server.ext
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.key)",
                           dir_.path().string()});
    if (made.code != 0) throw std::runtime_error{"openssl: " + made.err};
}

const Certificates& certificates()
{
    static const Certificates made;
    return made;
}

bool run_until(boost::asio::io_context& io, const std::function<bool()>& condition,
               std::chrono::milliseconds most)
{
    const auto end = std::chrono::steady_clock::now() + most;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        io.restart();
        io.run_one_for(std::chrono::milliseconds{50});
    }
    return true;
}

std::pair<int, int> socket_pair()
{
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        throw std::runtime_error{"socketpair"};
    return {fds[0], fds[1]};
}

Pair::Pair(bool tls)
{
    const auto [left, right] = socket_pair();
    a.emplace(io.get_executor(), left);
    b.emplace(io.get_executor(), right);
    if (!tls) return;
    const auto& c = certificates();
    const auto client = netclient::make_client_context({.ca = c("ca.pem")});
    const auto server =
        netclient::make_server_context({.certificate = c("server.pem"), .key = c("server.key")});
    if (!client.context || !server.context) throw std::runtime_error{client.problem + server.problem};
    int done = 0;
    host::net::error_code first, second;
    a->async_handshake(client.context, "localhost", [&](auto ec) {
        first = ec;
        ++done;
    });
    b->async_handshake(server.context, {}, [&](auto ec) {
        second = ec;
        ++done;
    });
    if (!run_until(io, [&] { return done == 2; }) || first || second) {
        throw std::runtime_error{"handshake: " + first.message() + " " + a->problem() + " / " +
                                 second.message() + b->problem()};
    }
}

} // namespace agenthost::test
