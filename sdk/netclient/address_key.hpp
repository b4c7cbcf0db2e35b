// Computes the key by which limits and throttles count the clients of an address.
//
// An IPv4 address counts whole. An IPv6 address counts by its /64, because one client owns at least a whole
// /64 and can change the lower half at will. An IPv4-mapped (::ffff:a.b.c.d) or NAT64 (64:ff9b::a.b.c.d)
// address counts as its IPv4 address.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::netclient {

// `address` with or without a port: "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80",
// "[fe80::1%eth0]:80". "192.0.2.1" or "2001:db8::/64"; anything that is not an IP address (a unix socket's
// peer) is its own key.
std::string address_key(std::string_view address);

} // namespace agenthost::netclient
