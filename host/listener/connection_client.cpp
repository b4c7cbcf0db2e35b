// Whose connection it is: the peer's own, or a client's behind trusted proxies, by the PROXY protocol (once, before the first byte) or
// by a header of each request.
#include "connection.hpp"
#include "forwarded.hpp"

#include "netclient/address_key.hpp"

#include <array>
#include <cerrno>

#include <sys/socket.h>

namespace agenthost::host::listener {
namespace http = boost::beast::http;

namespace {

std::string joined(const WebSocket::Request& request, std::string_view name)
{
    std::string all;
    const auto [first, last] = request.equal_range({name.data(), name.size()});
    for (auto at = first; at != last; ++at) {
        if (!all.empty()) all += ',';
        all.append(at->value().data(), at->value().size());
    }
    return all;
}

} // namespace

// Straight from the socket, no byte too many: what follows may be TLS's. At most ProxyHeader::max_bytes in all.
void Connection::read_proxy_header()
{
    std::array<char, 256> bytes{};
    while (const std::size_t wanted = proxy_header_->wants()) {
        const ssize_t n = ::recv(stream_->native_handle(), bytes.data(), std::min(wanted, bytes.size()), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return arm_read();
        if (n <= 0) return gone();
        proxy_header_->feed({bytes.data(), static_cast<std::size_t>(n)});
    }
    proxy_header_read();
}

void Connection::proxy_header_read()
{
    const auto header = std::move(proxy_header_);
    // The protocol forbids to guess: what does not begin with the header is nobody's.
    if (header->state() == ProxyHeader::State::bad) return gone();
    if (!header->client()) return begin(); // the proxy's own: a health check
    far_ = *header->client();
    peer_ = far_.text();
    proxied_ = true;
    trusted_ = netclient::any_contains(settings_->trusted, far_.ip); // another proxy, before this one
    if (trusted_ || count_client(far_)) return begin();
    refuse_client();
}

void Connection::refuse_client()
{
    ++listening_->refused;
    if (state_ == State::proxy) {
        if (settings_->tls) return gone(); // a handshake is what the limit is to save
        enter(State::head);
    }
    refuse(503, "BUSY", "too many connections from this address", "Retry-After: 10\r\n");
}

bool Connection::count_client(const netclient::IpEndpoint& client)
{
    const std::string key = netclient::address_key(client.ip.text());
    if (key == key_) return true;
    if (!listening_->count(key, settings_->config)) return false;
    listening_->uncount(std::exchange(key_, key));
    return true;
}

bool Connection::find_client(const Request& request)
{
    if (!trusted_) return true;
    const std::string list = joined(request, "X-Forwarded-For"), standard = joined(request, "Forwarded");
    const auto client = client_of(far_, settings_->trusted, {.x_forwarded_for = list, .forwarded = standard});
    peer_ = client.text();
    proxied_ = peer_ != stream_->peer();
    if (count_client(client)) return true;
    refuse_client();
    return false;
}

} // namespace agenthost::host::listener
