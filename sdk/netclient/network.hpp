// How the transfers that one server asked for travel: by its proxy, with its TLS settings, to its own origin without allow_hosts.
//
// The server's own origin (scheme, host and port of its session) is reached exactly as its session is. For every other URL: the proxy,
// unless NO_PROXY names the host; the authorities of `tls.ca` beside the others; never the client certificate, the pins, the server name
// or `verify: false`, which belong to the server alone.
#pragma once

#include "proxy.hpp"
#include "tls.hpp"
#include "url.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::netclient {

struct Network {
    std::optional<Url> origin;
    std::optional<Proxy> proxy;        // secret: it may hold a password
    std::vector<std::string> no_proxy; // as NO_PROXY lists them, one an element
    TlsClientConfig tls;

    [[nodiscard]] bool at_origin(const Url& url) const { return origin && origin->same_origin(url); }
    // The proxy for this URL; null: a direct connection.
    [[nodiscard]] const Proxy* proxy_for(const Url&) const;
    // TLS to this URL. `own`: the caller's own authorities, which are trusted in addition.
    [[nodiscard]] TlsClientConfig tls_for(const Url&, const TlsClientConfig& own) const;
    // May a private or loopback address behind the origin be connected to? TLS proves whose it is, and an address or `localhost` in the
    // configuration means itself. A plain name may be pointed elsewhere by whoever owns the name.
    [[nodiscard]] bool trusts_address_of(const Url&) const;

    bool operator==(const Network&) const = default;
};

// The same as the host knows it, to be written.
struct NetworkSettings {
    std::string server;
    std::string origin; // "https://host:port/"; empty: not known
    std::string proxy;  // as configured; empty: none. Secret
    std::vector<std::string> no_proxy;
    TlsClientConfig tls;
};
// The JSON of agenthost.network/1 (ext/network.h).
std::string network_json(const NetworkSettings&);
// Reads it. nullopt and `why` when it cannot be used; `why` holds no secret.
std::optional<Network> parse_network(std::string_view json, std::string& why);

// "a.example, .corp, 10.0.0.0/8" as a list.
std::vector<std::string> split_no_proxy(std::string_view);
// Does an entry name this host? "*"; "example.com" and ".example.com" with everything below; an address; a range "10.0.0.0/8"; each may
// end in ":PORT".
bool in_no_proxy(const std::vector<std::string>&, const Url&);

} // namespace agenthost::netclient
