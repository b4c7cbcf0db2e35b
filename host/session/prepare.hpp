// The blocking preparation of a connection attempt: the secret or the registration, the addresses, the
// certificates. Repeated for each attempt, so that changed files and DNS entries take effect.
//
// Blocks: on a thread of OffThread, one attempt at a time. The values are passed in and out.
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
    // Read the nonces: the first attempt only.
    bool nonces = false;
};

// If `problem` is set, the other members are undefined.
struct Prepared : Identity {
    netclient::Url url;
    std::string shown_url;
    // None for a host that NO_PROXY lists.
    std::optional<netclient::Proxy> proxy;
    // The proxy's if there is one; in the resolver's order, at most 8.
    std::vector<boost::asio::ip::tcp::endpoint> addresses;
    // Null for ws://.
    netclient::TlsContextPtr tls;
    // The file's bytes.
    std::string nonces;
};

// Blocking. Also enforces that plain ws:// connects only to loopback unless the server has `insecure: true`.
Prepared prepare(const PrepareRequest&);

// Renews the token of a live session for the next connection if that is due. Blocking. Returns the problem,
// or empty.
std::string refresh_if_due(const PrepareRequest&, std::int64_t& refreshed_at);

// For `agenthost register NAME`: registers even if a registration is stored. Blocking.
Registrar::Answer register_by_hand(const ServerConfig&, const std::string& state_dir,
                                   const std::string& capabilities);

} // namespace agenthost::host
