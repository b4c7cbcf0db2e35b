// What a connection attempt needs and may block for: the secret or the registration, the addresses, the certificates. Read anew for
// each attempt, so that a changed file or name counts.
#pragma once

#include "host/config/config.hpp"
#include "host/net/tls.hpp"
#include "host/session/auth/registration.hpp"
#include "host/session/proxy_connect.hpp"
#include "host/session/url.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <optional>
#include <string>
#include <vector>

namespace agenthost::host {

struct PrepareRequest {
    ServerConfig config;
    std::string state_dir;
    std::string capabilities; // JSON array, told at a registration
    int renewal = 0;          // wire::session::Open
    bool nonces = false;      // read them, this once
};

struct Prepared {
    std::string problem;   // what, where, how to fix; empty: the rest is good
    bool refused = false;  // with a problem: the server said no to who we are,
    bool renewable = true; // and another way to renew may help
    std::string notice;    // what went wrong and does not matter yet
    Url url;
    std::string shown_url;
    std::string credential;
    std::string agent_id; // a registration's; empty: as configured
    std::int64_t refreshed_at = 0;
    std::optional<Proxy> proxy;
    std::vector<boost::asio::ip::tcp::endpoint>
        addresses;          // the proxy's when there is one; in the resolver's order, at most 8
    net::TlsContextPtr tls; // null for ws://
    std::string nonces;     // the file's bytes
};

// Blocking. Also holds the rule that plain ws:// goes to loopback only unless the server says `insecure: true`.
Prepared prepare(const PrepareRequest&);

// The token of a live session is a day old: gets another for the next connection. Blocking. The problem, or empty.
std::string refresh_if_due(const PrepareRequest&, std::int64_t& refreshed_at);

// For `agenthost register NAME`: registers whatever is stored. Blocking.
Registrar::Answer register_by_hand(const ServerConfig&, const std::string& state_dir,
                                   const std::string& capabilities);

// SHA-256 of the secret as it is now, hex; empty when it cannot be read. Blocking.
std::string secret_print(const SecretSource&);

} // namespace agenthost::host
