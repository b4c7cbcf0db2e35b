// Finds a client's address behind trusted proxies, in X-Forwarded-For or Forwarded (RFC 7239). Pure.
//
// Each proxy appends the address it was reached from, so that only the right end of a list is what our own proxies wrote: it is read
// from the right, and the first address that is not a trusted proxy is the client's. What stands further left is the client's own
// claim and is not looked at.
#pragma once

#include "netclient/ip_address.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace agenthost::host::listener {

struct ForwardedFields {
    std::string_view x_forwarded_for, forwarded; // all lines of a field, joined by ","; empty: absent
};

// `peer`: who sent the request, a trusted proxy. The answer is `peer` itself where the fields cannot be used: none is there, an entry
// that was read is not an address (also "unknown" and "_hidden"), or both fields are there and name different clients (a proxy passes
// on the one that it does not write, and so a client's own).
netclient::IpEndpoint client_of(const netclient::IpEndpoint& peer,
                                const std::vector<netclient::IpRange>& trusted, const ForwardedFields&);

} // namespace agenthost::host::listener
