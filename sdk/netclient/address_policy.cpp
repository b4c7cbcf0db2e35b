#include "address_policy.hpp"

#include "base/ascii.hpp"
#include "ip_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace agenthost::netclient {

namespace {

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    return a << 24 | b << 16 | c << 8 | d;
}

struct Block4 {
    std::uint32_t first;
    int bits;
    Reach reach;
};

// IANA's special-purpose registry, and metadata services on addresses outside its ranges.
constexpr Block4 blocks4[] = {
    {v4(168, 63, 129, 16), 32, Reach::never},   // Azure's wire server
    {v4(100, 100, 100, 200), 32, Reach::never}, // Alibaba's metadata service, inside the shared range
    {v4(0, 0, 0, 0), 8, Reach::never},          // "this network": connects to loopback on Linux
    {v4(127, 0, 0, 0), 8, Reach::local},        {v4(10, 0, 0, 0), 8, Reach::local},
    {v4(172, 16, 0, 0), 12, Reach::local},      {v4(192, 168, 0, 0), 16, Reach::local},
    {v4(100, 64, 0, 0), 10, Reach::local},   // shared (CGNAT)
    {v4(169, 254, 0, 0), 16, Reach::never},  // link-local, 169.254.169.254
    {v4(192, 0, 0, 0), 24, Reach::never},    // protocol assignments, Oracle's metadata service
    {v4(192, 0, 2, 0), 24, Reach::never},    // documentation
    {v4(198, 51, 100, 0), 24, Reach::never}, // documentation
    {v4(203, 0, 113, 0), 24, Reach::never},  // documentation
    {v4(192, 88, 99, 0), 24, Reach::never},  // 6to4 relays
    {v4(198, 18, 0, 0), 15, Reach::never},   // benchmarking
    {v4(224, 0, 0, 0), 3, Reach::never},     // multicast, reserved, broadcast
};

Reach reach4(std::uint32_t address)
{
    for (const auto& block : blocks4) {
        const std::uint32_t mask = block.bits == 0 ? 0 : ~std::uint32_t{0} << (32 - block.bits);
        if ((address & mask) == block.first) return block.reach;
    }
    return Reach::public_net;
}

bool has_prefix(const unsigned char* address, std::initializer_list<unsigned char> prefix)
{
    return std::equal(prefix.begin(), prefix.end(), address);
}

std::uint32_t v4_at(const unsigned char* bytes) { return v4(bytes[0], bytes[1], bytes[2], bytes[3]); }

Reach reach6(const unsigned char* a)
{
    if (has_prefix(a, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}))
        return reach4(v4_at(a + 12)); // IPv4-mapped
    if (has_prefix(a, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return reach4(v4_at(a + 12)); // NAT64
    if (has_prefix(a, {0x20, 0x02})) return reach4(v4_at(a + 2));                                   // 6to4
    if (has_prefix(a, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) && a[15] == 1)
        return Reach::local;                                          // loopback
    if (has_prefix(a, {0xfd, 0x00, 0x0e, 0xc2})) return Reach::never; // EC2's metadata service
    if ((a[0] & 0xfe) == 0xfc) return Reach::local;                   // unique local
    if ((a[0] & 0xe0) != 0x20) return Reach::never; // only 2000::/3 is assigned to the world
    if (has_prefix(a, {0x20, 0x01}) && a[2] < 2)
        return Reach::never; // 2001::/23: Teredo, ORCHID, benchmarking
    if (has_prefix(a, {0x20, 0x01, 0x0d, 0xb8})) return Reach::never;    // documentation
    if (has_prefix(a, {0x3f, 0xff}) && a[2] < 0x10) return Reach::never; // documentation
    return Reach::public_net;
}

} // namespace

Reach reach_of(const sockaddr& address)
{
    if (address.sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &address, sizeof in);
        return reach4(ntohl(in.sin_addr.s_addr));
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, &address, sizeof in);
        return reach6(in.sin6_addr.s6_addr);
    }
    return Reach::never;
}

bool host_matches(std::string_view pattern, std::string_view host)
{
    if (pattern == "*") return true;
    if (!pattern.starts_with("*.")) return base::equal_ignoring_case(pattern, host);
    const auto suffix = pattern.substr(1); // ".example.com"
    return host.size() > suffix.size() &&
           base::equal_ignoring_case(suffix, host.substr(host.size() - suffix.size()));
}

std::string AddressPolicy::refuse_host(std::string_view host) const
{
    const auto matches = [host](const std::string& pattern) { return host_matches(pattern, host); };
    if (allow_hosts.empty() || std::any_of(allow_hosts.begin(), allow_hosts.end(), matches)) return {};
    return "host " + std::string{host} + " is not in allow_hosts; add it there to admit it";
}

std::string AddressPolicy::refuse_address(const sockaddr& address) const
{
    switch (reach_of(address)) {
    case Reach::public_net: return {};
    case Reach::local:
        if (allow_private_networks) return {};
        return address_text(address) +
               " is a private or loopback address; set allow_private_networks: true to admit those";
    case Reach::never: break;
    }
    return address_text(address) +
           " is a link-local, metadata, multicast or reserved address, which is never admitted";
}

std::string AddressPolicy::refuse_literal(const std::string& host, std::uint16_t port) const
{
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    if (::inet_aton(host.c_str(), &in.sin_addr) != 0) // also odd spellings: 127.1, 0x7f000001
        return refuse_address(reinterpret_cast<const sockaddr&>(in));
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.c_str(), &in6.sin6_addr) == 1)
        return refuse_address(reinterpret_cast<const sockaddr&>(in6));
    if (!is_loopback_host(host) || allow_private_networks) return {};
    return host + " is this machine or the proxy's; set allow_private_networks: true to admit it";
}

std::string address_text(const sockaddr& address)
{
    char text[INET6_ADDRSTRLEN] = "?";
    if (address.sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &address, sizeof in);
        ::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
        return std::string{text} + ":" + std::to_string(ntohs(in.sin_port));
    }
    if (address.sa_family == AF_UNIX)
        return "unix:" + std::string{reinterpret_cast<const sockaddr_un&>(address).sun_path};
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    ::inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
    return "[" + std::string{text} + "]:" + std::to_string(ntohs(in.sin6_port));
}

} // namespace agenthost::netclient
