// Finds a client's address behind trusted proxies, in X-Forwarded-For or Forwarded (RFC 7239). Pure. Private
// to host/listener.
//
// Each proxy appends the address of its peer, so only the right end of a list was written by our own proxies:
// it is read from the right, and the first address that is not a trusted proxy is the client's. Entries
// further left are claims of the client and are ignored.
#pragma once

#include "netclient/ip_address.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace agenthost::host::listener {

struct ForwardedFields {
    // All lines of a field, joined by ","; empty: absent.
    std::string_view x_forwarded_for, forwarded;
};

// `peer`: the sender of the request, a trusted proxy. Returns `peer` itself if the fields cannot be used:
// both are missing, an entry is not an address (including "unknown" and "_hidden"), or both fields name
// different clients (a proxy forwards the field that it does not write, which may be the client's own).
netclient::IpEndpoint client_of(const netclient::IpEndpoint& peer,
                                const std::vector<netclient::IpRange>& trusted, const ForwardedFields&);

} // namespace agenthost::host::listener
