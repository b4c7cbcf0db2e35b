// Decides which hosts may be connected to: first by the host name as written, then by the address that is
// actually connected to, so that neither a DNS answer nor an odd spelling of an address leads to loopback, a
// private network or a cloud's metadata service.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr;

namespace agenthost::netclient {

enum class Reach {
    public_net, // anyone's
    local,      // private, shared (CGNAT), unique local or loopback: admitted by allow_private_networks
    never,      // link-local, metadata services, multicast, documentation, reserved, "this network"
};

// The reach of an address, also of the IPv4 address inside an IPv4-mapped, NAT64 or 6to4 one.
Reach reach_of(const sockaddr&);

struct AddressPolicy {
    // "files.example.com", "*.example.com" (below it, not itself), "*"; empty: any.
    std::vector<std::string> allow_hosts;
    bool allow_private_networks = false;

    // Empty if admitted, else a sentence for people: the problem, and the configuration key that decides.
    [[nodiscard]] std::string refuse_host(std::string_view host) const;
    [[nodiscard]] std::string refuse_address(const sockaddr&) const;
    // The same for a host behind a proxy, which resolves names itself: checks literal addresses and names
    // that always mean this machine.
    [[nodiscard]] std::string refuse_literal(const std::string& host, std::uint16_t port) const;
};

bool host_matches(std::string_view pattern, std::string_view host); // case-insensitive

std::string address_text(const sockaddr&); // "127.0.0.1:80", "[::1]:80", "unix:/run/x.sock"

} // namespace agenthost::netclient
