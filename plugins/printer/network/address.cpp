#include "address.hpp"

#include "base/ascii.hpp"
#include "base/parse_number.hpp"

#include <algorithm>

namespace agenthost::printer::network {

namespace {

constexpr std::size_t max_name = 253;

std::optional<std::uint16_t> parse_port(std::string_view text)
{
    const auto port = base::parse_number<std::uint16_t>(text);
    return port && *port != 0 ? port : std::nullopt;
}

bool is_name(std::string_view text)
{
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    };
    return !text.empty() && text.size() <= max_name && std::ranges::all_of(text, good) &&
           text.front() != '-' && text.front() != '.';
}

// Digits and dots only: an address that parse_ip() refused is not a name either.
bool looks_numeric(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

bool never(const netclient::IpAddress& ip)
{
    constexpr unsigned char v4_multicast = 224, v6_multicast = 0xff;
    return ip.any() || (ip.v4() ? ip.bytes[12] >= v4_multicast : ip.bytes[0] == v6_multicast);
}

} // namespace

std::string PrinterAddress::text() const
{
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<PrinterAddress> parse_address(std::string_view text, std::string& why)
{
    // A port that is 0 is written nowhere, or it is wrong.
    const auto endpoint = netclient::parse_endpoint(text);
    if (endpoint && (endpoint->port != 0 || netclient::parse_ip(text) || text.ends_with(']')))
        return PrinterAddress{endpoint->ip.text(), endpoint->port == 0 ? default_port : endpoint->port};
    PrinterAddress out;
    std::string name = base::to_lower(text);
    const auto colon = name.rfind(':');
    std::optional<std::uint16_t> port = default_port;
    if (colon != std::string::npos) {
        port = parse_port(std::string_view{name}.substr(colon + 1));
        name.resize(colon);
    }
    if (!port || !is_name(name) || looks_numeric(name)) {
        why = "is not a printer's address. Write 192.168.1.50, 192.168.1.50:9100 or kitchen.example:9100";
        return std::nullopt;
    }
    return PrinterAddress{std::move(name), *port};
}

bool AllowedAddresses::add(std::string_view entry, std::string& why)
{
    const auto slash = entry.find('/');
    if (slash == std::string_view::npos) {
        const auto address = parse_address(entry, why);
        if (address) hosts_.push_back(*address);
        return address.has_value();
    }
    std::uint16_t port = default_port;
    std::string_view range = entry;
    if (const auto colon = entry.find(':', slash); colon != std::string_view::npos) {
        port = parse_port(entry.substr(colon + 1)).value_or(0);
        range = entry.substr(0, colon);
    }
    const auto parsed = netclient::parse_range(range);
    if (!parsed || port == 0) {
        why = "is not a range of addresses. Write 192.168.1.0/24 (port 9100) or 192.168.1.0/24:9101; bits "
              "below the prefix must be zero";
        return false;
    }
    ranges_.push_back({*parsed, port});
    return true;
}

std::optional<Problem> AllowedAddresses::refuse(const PrinterAddress& address) const
{
    const auto ip = netclient::parse_ip(address.host);
    if (!ip || !never(*ip)) {
        if (std::ranges::find(hosts_, address) != hosts_.end()) return std::nullopt;
        for (const Range& range : ranges_)
            if (ip && range.port == address.port && range.range.contains(*ip)) return std::nullopt;
    }
    return problem(code::address_denied, "This node does not print to " + address.text());
}

} // namespace agenthost::printer::network
