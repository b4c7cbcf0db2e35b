// IP addresses, ports and ranges as values: parsed from text, compared across families, matched against a
// list of ranges.
//
// An IPv4 address is kept as its IPv4-mapped IPv6 address (::ffff:a.b.c.d), so that 192.0.2.1 from an IPv4
// socket and from a dual-stack IPv6 socket are equal and match the same ranges.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr;

namespace agenthost::netclient {

struct IpAddress {
    std::array<unsigned char, 16> bytes{};

    [[nodiscard]] bool v4() const;
    [[nodiscard]] bool any() const; // 0.0.0.0 or ::
    [[nodiscard]] bool loopback() const;
    [[nodiscard]] std::string text() const; // "192.0.2.1", "2001:db8::1"
    bool operator==(const IpAddress&) const = default;
};

// Numeric only, without brackets, port or zone. The three-part and hexadecimal forms of IPv4 are refused.
std::optional<IpAddress> parse_ip(std::string_view);
// Does a host of a URL always mean this machine? localhost and names below it, 127.0.0.0/8, ::1,
// ::ffff:127.x. Without brackets.
bool is_loopback_host(std::string_view);
std::optional<IpAddress> ip_of(const sockaddr*); // nullopt: not AF_INET or AF_INET6

// An address with an optional port: "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]",
// "[2001:db8::1]:80".
struct IpEndpoint {
    IpAddress ip;
    std::uint16_t port = 0;                 // 0: not given
    [[nodiscard]] std::string text() const; // "192.0.2.1:80", "[2001:db8::1]:0"
};
std::optional<IpEndpoint> parse_endpoint(std::string_view);

// "192.0.2.1", "10.0.0.0/8", "2001:db8::/32". Bits below the prefix length must be zero, which catches typos.
struct IpRange {
    IpAddress first;
    int prefix = 128; // of 128 bits, for IPv4 too

    [[nodiscard]] bool contains(const IpAddress&) const;
};
std::optional<IpRange> parse_range(std::string_view);

bool any_contains(const std::vector<IpRange>&, const IpAddress&);

} // namespace agenthost::netclient
