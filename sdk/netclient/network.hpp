// The network settings of transfers that a server requested: its proxy, its TLS settings, and its own origin
// without allow_hosts.
//
// Every URL uses the proxy, unless NO_PROXY names the host; sessions and registrations follow the same rule.
// The server's own origin (scheme, host and port of its session) is reached exactly like its session. Every
// other URL additionally trusts `tls.ca`; it never uses the client certificate, the pins, the server name or
// `verify: false`, which apply to the server only.
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
    // Whether a private or loopback address of the origin may be connected to: if TLS proves its identity (by
    // its certificate or a pin), or if the configuration contains the address itself or `localhost`. The
    // owner of a DNS name without TLS could point it anywhere.
    [[nodiscard]] bool trusts_address_of(const Url&) const;

    bool operator==(const Network&) const = default;
};

// The settings as the host knows them, to be serialised.
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

// NO_PROXY, or else no_proxy, of this process's environment. More than 8 KiB are not read: empty, and `why`.
std::vector<std::string> environment_no_proxy(std::string& why);
// Splits "a.example, .corp, 10.0.0.0/8" into a list.
std::vector<std::string> split_no_proxy(std::string_view);
// Whether an entry matches this host. Entries: "*"; "example.com" and ".example.com" with all subdomains; an
// address; a range "10.0.0.0/8"; each may end in ":PORT".
bool in_no_proxy(const std::vector<std::string>&, const Url&);

} // namespace agenthost::netclient
