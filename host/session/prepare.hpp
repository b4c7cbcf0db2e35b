// What a connection attempt needs and may block for: the secret, the addresses, the certificates. Read anew for each attempt, so
// that a changed file or name counts.
#pragma once

#include "host/config/config.hpp"
#include "host/net/tls.hpp"
#include "host/session/url.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <vector>

namespace agenthost::host {

struct Prepared {
    std::string problem; // what, where, how to fix; empty: the rest is good
    std::string credential;
    std::vector<boost::asio::ip::tcp::endpoint> addresses; // in the resolver's order, at most 8
    net::TlsContextPtr tls;                                // null for ws://
};

// Blocking. Also holds the rule that plain ws:// goes to loopback only unless the server says `insecure: true`.
Prepared prepare(const ServerConfig&, const Url&);

} // namespace agenthost::host
