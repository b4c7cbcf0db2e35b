// What a connection attempt needs and may block for: the secret or the registration, the addresses, the certificates. Read anew for
// each attempt, so that a changed file or name counts.
#pragma once

#include "host/config/config.hpp"
#include "host/session/auth/identity.hpp"
#include "netclient/proxy.hpp"
#include "netclient/tls.hpp"
#include "netclient/url.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <optional>
#include <string>
#include <vector>

namespace agenthost::host {

struct PrepareRequest : IdentityRequest {
    bool nonces = false; // read them, this once
};

// With a problem, the rest means nothing.
struct Prepared : Identity {
    netclient::Url url;
    std::string shown_url;
    std::optional<netclient::Proxy> proxy;
    std::vector<boost::asio::ip::tcp::endpoint>
        addresses;                // the proxy's when there is one; in the resolver's order, at most 8
    netclient::TlsContextPtr tls; // null for ws://
    std::string nonces;           // the file's bytes
};

// Blocking. Also holds the rule that plain ws:// goes to loopback only unless the server says `insecure: true`.
Prepared prepare(const PrepareRequest&);

// The token of a live session is a day old: gets another for the next connection. Blocking. The problem, or empty.
std::string refresh_if_due(const PrepareRequest&, std::int64_t& refreshed_at);

// For `agenthost register NAME`: registers whatever is stored. Blocking.
Registrar::Answer register_by_hand(const ServerConfig&, const std::string& state_dir,
                                   const std::string& capabilities);

} // namespace agenthost::host
