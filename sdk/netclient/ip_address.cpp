#include "ip_address.hpp"

#include "address_policy.hpp"
#include "base/ascii.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>

namespace agenthost::netclient {

namespace {

constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr int v4_offset = 96; // bits of the mapped prefix

std::optional<unsigned> number(std::string_view text, unsigned max)
{
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > max)
        return std::nullopt;
    return value;
}

bool bit(const IpAddress& address, int at) { return (address.bytes[at / 8] >> (7 - at % 8) & 1) != 0; }

} // namespace

bool IpAddress::v4() const { return std::equal(mapped.begin(), mapped.end(), bytes.begin()); }

bool IpAddress::any() const
{
    const auto from = v4() ? bytes.begin() + mapped.size() : bytes.begin();
    return std::all_of(from, bytes.end(), [](unsigned char b) { return b == 0; });
}

bool IpAddress::loopback() const
{
    if (v4()) return bytes[12] == 127;
    IpAddress one;
    one.bytes[15] = 1;
    return *this == one;
}

std::string IpAddress::text() const
{
    std::array<char, INET6_ADDRSTRLEN> out{};
    if (v4())
        ::inet_ntop(AF_INET, bytes.data() + mapped.size(), out.data(), out.size());
    else
        ::inet_ntop(AF_INET6, bytes.data(), out.data(), out.size());
    return out.data();
}

std::optional<IpAddress> parse_ip(std::string_view text)
{
    const std::string copy{text};
    if (copy.find('\0') != std::string::npos) return std::nullopt;
    IpAddress address;
    if (::inet_pton(AF_INET, copy.c_str(), address.bytes.data() + mapped.size()) == 1) {
        std::copy(mapped.begin(), mapped.end(), address.bytes.begin());
        return address;
    }
    if (::inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
    return std::nullopt;
}

bool is_loopback_host(std::string_view host)
{
    if (base::equal_ignoring_case(host, "localhost") || host_matches("*.localhost", host)) return true;
    const auto ip = parse_ip(host);
    return ip && ip->loopback();
}

std::optional<IpAddress> ip_of(const sockaddr* address)
{
    IpAddress out;
    if (address->sa_family == AF_INET) {
        const auto& in = reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
        std::copy(mapped.begin(), mapped.end(), out.bytes.begin());
        std::copy_n(reinterpret_cast<const unsigned char*>(&in), 4, out.bytes.begin() + mapped.size());
        return out;
    }
    if (address->sa_family != AF_INET6) return std::nullopt;
    std::copy_n(reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr.s6_addr, 16, out.bytes.begin());
    return out;
}

std::string IpEndpoint::text() const
{
    return (ip.v4() ? ip.text() : "[" + ip.text() + "]") + ":" + std::to_string(port);
}

std::optional<IpEndpoint> parse_endpoint(std::string_view text)
{
    IpEndpoint out;
    std::string_view host = text, port;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        host = text.substr(1, end - 1);
        port = text.substr(end + 1);
        if (host.find(':') == std::string_view::npos) return std::nullopt;
    } else if (std::count(text.begin(), text.end(), ':') == 1) {
        host = text.substr(0, text.find(':'));
        port = text.substr(text.find(':'));
    }
    if (!port.empty()) {
        const auto value = port.starts_with(':') ? number(port.substr(1), 65535) : std::nullopt;
        if (!value) return std::nullopt;
        out.port = static_cast<std::uint16_t>(*value);
    }
    const auto ip = parse_ip(host);
    if (!ip) return std::nullopt;
    out.ip = *ip;
    return out;
}

bool IpRange::contains(const IpAddress& address) const
{
    for (int at = 0; at < prefix; ++at)
        if (bit(first, at) != bit(address, at)) return false;
    return true;
}

std::optional<IpRange> parse_range(std::string_view text)
{
    const auto slash = text.find('/');
    const auto ip = parse_ip(text.substr(0, slash));
    if (!ip) return std::nullopt;
    IpRange range{*ip, 128};
    // "::ffff:10.0.0.0/104" is IPv6 notation: its prefix counts from the first of 128 bits.
    const bool short_form = ip->v4() && text.substr(0, slash).find(':') == std::string_view::npos;
    if (slash != std::string_view::npos) {
        const auto bits = number(text.substr(slash + 1), short_form ? 32 : 128);
        if (!bits) return std::nullopt;
        range.prefix = static_cast<int>(*bits) + (short_form ? v4_offset : 0);
    }
    for (int at = range.prefix; at < 128; ++at)
        if (bit(range.first, at)) return std::nullopt;
    return range;
}

bool any_contains(const std::vector<IpRange>& ranges, const IpAddress& address)
{
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const IpRange& range) { return range.contains(address); });
}

} // namespace agenthost::netclient
