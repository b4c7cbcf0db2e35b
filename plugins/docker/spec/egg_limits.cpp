// limits and ports.
#include "cores.hpp"
#include "egg_parts.hpp"
#include "refusal.hpp"

#include "base/units.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace agenthost::docker {

namespace {

constexpr std::size_t max_port_entries = 256, max_port_mappings = 512;

std::uint64_t read_size(const Node& node)
{
    const std::string text = node.scalar(32);
    std::string expected;
    const auto size = base::parse_size(text, expected);
    if (!size) node.refuse(shown(text) + " is not " + expected + ".");
    return *size;
}

std::uint16_t parse_port(std::string_view text, const Node& node)
{
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65535)
        node.refuse(shown(text) + " is not a port from 1 to 65535.");
    return static_cast<std::uint16_t>(port);
}

struct PortSpan {
    std::uint16_t first = 0, last = 0;
    [[nodiscard]] unsigned size() const { return last - first + 1u; }
};

PortSpan parse_span(std::string_view text, const Node& node)
{
    const auto dash = text.find('-');
    PortSpan span;
    span.first = parse_port(text.substr(0, dash), node);
    span.last = dash == std::string_view::npos ? span.first : parse_port(text.substr(dash + 1), node);
    if (span.last < span.first) node.refuse("the range " + shown(text) + " ends before it begins.");
    return span;
}

netclient::IpAddress parse_bind(std::string_view text, const Node& node)
{
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
    const auto ip = netclient::parse_ip(text);
    if (!ip)
        node.refuse(shown(text) + " is not an IP address. Write one such as 192.0.2.1 or [2001:db8::1].");
    return *ip;
}

struct HostSide {
    PortSpan span;
    std::optional<netclient::IpAddress> bind;
};

// 25565, "25565", "25565-25570", "192.0.2.1:25565", {"port": 25565, "bind": "192.0.2.1"}.
HostSide read_host_side(const Node& node, Notes& notes)
{
    HostSide host;
    if (node.json().is_object()) {
        check_keys(node, {"port", "bind"}, notes);
        const auto port = node.find("port");
        if (!port) node.refuse("has no port. Write {\"port\": 25565, \"bind\": \"192.0.2.1\"}.");
        host.span = parse_span(port->scalar(16), *port);
        if (const auto bind = node.find("bind")) host.bind = parse_bind(bind->line(64), *bind);
        return host;
    }
    const std::string text = node.scalar(80);
    const auto colon = text.rfind(':');
    if (colon != std::string::npos) host.bind = parse_bind(std::string_view{text}.substr(0, colon), node);
    host.span = parse_span(colon == std::string::npos ? text : text.substr(colon + 1), node);
    return host;
}

} // namespace

Limits read_limits(const Node& node, Notes& notes)
{
    check_keys(node, {"memory", "cpu", "disk", "pids", "io", "swap"}, notes);
    Limits limits;
    if (const auto memory = node.find("memory")) {
        constexpr std::uint64_t least = 16 << 20;
        limits.memory_text = memory->scalar(32);
        limits.memory = read_size(*memory);
        if (*limits.memory < least) {
            const bool bare = limits.memory_text.find_first_not_of("0123456789") == std::string::npos;
            memory->refuse(
                shown(limits.memory_text) + " is below the minimum of 16MiB." +
                (bare ? " Write \"" + limits.memory_text + "m\" for " + limits.memory_text + " MiB." : ""));
        }
    }
    if (const auto cpu = node.find("cpu")) limits.nano_cpus = read_nano_cpus(*cpu);
    if (const auto disk = node.find("disk")) limits.disk = read_size(*disk);
    if (const auto pids = node.find("pids"))
        limits.processes = static_cast<std::uint32_t>(pids->whole(1, 1'000'000));
    if (const auto io = node.find("io")) limits.io_weight = static_cast<std::uint16_t>(io->whole(10, 1000));
    if (const auto swap = node.find("swap"); swap && swap->scalar(32) != "0" && read_size(*swap) != 0)
        swap->refuse("servers have no swap, so that their memory limit holds. Write 0, or leave it out.");
    return limits;
}

std::vector<PortMapping> read_ports(const Node& node, Notes& notes)
{
    std::vector<PortMapping> ports;
    for (const auto& [key, value] : node.members(max_port_entries)) {
        std::string_view inside = key;
        Transport transport = Transport::tcp;
        if (const auto slash = inside.find('/'); slash != std::string_view::npos) {
            const std::string_view name = inside.substr(slash + 1);
            if (name != "tcp" && name != "udp")
                value.refuse(shown(name) + " is not a transport. Write tcp or udp.");
            transport = name == "udp" ? Transport::udp : Transport::tcp;
            inside = inside.substr(0, slash);
        }
        const PortSpan span = parse_span(inside, value);
        const HostSide host = read_host_side(value, notes);
        if (host.span.size() != span.size() && host.span.size() != 1)
            value.refuse("both ranges must have the same length.");
        if (host.span.first + span.size() - 1 > 65535) value.refuse("the range ends beyond port 65535.");
        if (ports.size() + span.size() > max_port_mappings)
            value.refuse("is more than " + std::to_string(max_port_mappings) + " ports. Map fewer.");
        for (unsigned i = 0; i < span.size(); ++i) {
            const auto inner = static_cast<std::uint16_t>(span.first + i);
            const bool twice = std::any_of(ports.begin(), ports.end(), [&](const PortMapping& port) {
                return port.container == inner && port.transport == transport;
            });
            if (twice)
                value.refuse("port " + std::to_string(inner) + " is mapped twice. Keep one of the two.");
            ports.push_back(
                {inner, static_cast<std::uint16_t>(host.span.first + i), transport, host.bind, value.path()});
        }
    }
    return ports;
}

} // namespace agenthost::docker
