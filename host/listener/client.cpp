#include "client.hpp"

#include "host/listener/forwarded.hpp"
#include "netclient/address_key.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace agenthost::host::listener {
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

Client::Client(Listening& listening, const Settings& settings, std::string key, bool trusted)
    : listening_{listening}, settings_{settings}, key_{std::move(key)}, trusted_{trusted}
{}

void Client::connected(std::string peer)
{
    address_ = std::move(peer);
    if (const auto far = netclient::parse_endpoint(address_)) far_ = *far;
}

bool Client::expects_proxy_header() const { return trusted_ && settings_.config.proxy_protocol; }

// At most ProxyHeader::max_bytes in all.
Client::Header Client::read_proxy_header(int fd)
{
    if (!proxy_header_) proxy_header_ = std::make_unique<ProxyHeader>();
    std::array<char, 256> bytes{};
    while (const std::size_t wanted = proxy_header_->wants()) {
        const ssize_t n = ::recv(fd, bytes.data(), std::min(wanted, bytes.size()), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return Header::more;
        if (n <= 0) return Header::invalid;
        proxy_header_->feed({bytes.data(), static_cast<std::size_t>(n)});
    }
    return proxy_header_read();
}

Client::Header Client::proxy_header_read()
{
    const auto header = std::move(proxy_header_);
    // The protocol forbids guessing: a connection that does not begin with the header is refused.
    if (header->state() == ProxyHeader::State::bad) return Header::invalid;
    if (!header->client()) return Header::good; // the proxy's own connection: a health check
    far_ = *header->client();
    address_ = far_.text();
    proxied_ = true;
    trusted_ = netclient::any_contains(settings_.trusted, far_.ip); // another proxy in front of this one
    return trusted_ || count(far_) ? Header::good : Header::too_many;
}

// Counts the connection under the client's address instead of the one before.
bool Client::count(const netclient::IpEndpoint& client)
{
    const std::string key = netclient::address_key(client.ip.text());
    if (key == key_) return true;
    if (!listening_.count(key, settings_.config)) return false;
    listening_.uncount(std::exchange(key_, key));
    return true;
}

bool Client::find(const WebSocket::Request& request, const net::Stream& stream)
{
    if (!trusted_) return true;
    const std::string list = joined(request, "X-Forwarded-For"), standard = joined(request, "Forwarded");
    const auto client = client_of(far_, settings_.trusted, {.x_forwarded_for = list, .forwarded = standard});
    address_ = client.text();
    proxied_ = address_ != stream.peer();
    return count(client);
}

void Client::request_over()
{
    if (trusted_) listening_.uncount(std::exchange(key_, {}));
}

} // namespace agenthost::host::listener
