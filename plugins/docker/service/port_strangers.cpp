#include "port_strangers.hpp"

#include "ports.hpp"

#include "plugins/docker/engine/connections.hpp"
#include "plugins/docker/spec/create_body.hpp"

#include "base/fd.hpp"
#include "netclient/net.hpp"

#include <boost/asio/post.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <utility>

namespace agenthost::docker::service {

namespace {

using ledger::HostPort;
using ledger::Stranger;
using Then = std::function<void(const std::vector<Stranger>&)>;

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

SocketAddress address_of(const HostPort& port)
{
    SocketAddress out;
    if (port.address.v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port.port);
        std::memcpy(&v4.sin_addr, port.address.bytes.data() + 12, 4);
        std::memcpy(&out.storage, &v4, out.size = sizeof v4);
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port.port);
        std::memcpy(&v6.sin6_addr, port.address.bytes.data(), 16);
        std::memcpy(&out.storage, &v6, out.size = sizeof v6);
    }
    return out;
}

// An address that this machine does not have, or a port that only root may bind, is not taken.
bool taken(const HostPort& port)
{
    const bool tcp = port.transport == Transport::tcp;
    const base::Fd fd{
        ::socket(port.address.v4() ? AF_INET : AF_INET6, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0)};
    if (!fd) return false;
    const int on = 1;
    // As engines do: connections that have ended do not count.
    if (tcp) (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!port.address.v4()) (void)::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    const SocketAddress address = address_of(port);
    return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 &&
           errno == EADDRINUSE;
}

std::string_view label_of(const engine::ContainerRow& row, const char* name)
{
    const auto at = row.labels.find(name);
    return at == row.labels.end() ? std::string_view{} : std::string_view{at->second};
}

// Podman lists the ports of containers that do not run, too.
bool may_hold_ports(const engine::ContainerRow& row)
{
    return row.status.empty() || row.status == "running" || row.status == "paused" ||
           row.status == "restarting";
}

std::optional<HostPort> host_port_of(const engine::Port& held)
{
    if (held.host == 0 || (held.protocol != "tcp" && held.protocol != "udp")) return std::nullopt;
    const auto address = netclient::parse_ip(held.host_ip.empty() ? "0.0.0.0" : held.host_ip);
    if (!address) return std::nullopt;
    return HostPort{*address, held.host, held.protocol == "udp" ? Transport::udp : Transport::tcp};
}

void ask_host(NodeContext& node, std::vector<HostPort> ports, Then then)
{
    boost::asio::post(node.pools.disk, [ports = std::move(ports), then = std::move(then),
                                        socket = node.config.socket, io = &node.client.io()]() mutable {
        std::vector<Stranger> found;
        try {
            if (shares_network(socket)) found = processes_on(ports);
        } catch (const std::exception&) {
            found.clear(); // no memory or no descriptor: it cannot be known now
        }
        boost::asio::post(*io, [found = std::move(found), then = std::move(then)] { then(found); });
    });
}

} // namespace

std::vector<Stranger> containers_on(const std::vector<engine::ContainerRow>& rows, const std::string& server,
                                    const std::string& owner, std::vector<HostPort>& ports)
{
    for (const engine::ContainerRow& row : rows) {
        if (!may_hold_ports(row)) continue;
        const std::string_view of = label_of(row, owner_label);
        const bool own = label_of(row, server_label) == server && (of.empty() || of == owner);
        for (const engine::Port& each : row.ports) {
            const auto held = host_port_of(each);
            if (!held) continue;
            const auto hit = [&held](const HostPort& port) { return ledger::excludes(port, *held); };
            if (own)
                std::erase_if(ports, hit);
            else if (std::any_of(ports.begin(), ports.end(), hit))
                return {{*held, "container " + row.name + " (" + row.image + ")"}};
        }
    }
    return {};
}

std::vector<Stranger> processes_on(const std::vector<HostPort>& ports)
{
    for (const HostPort& port : ports) {
        if (!taken(port)) continue;
        PortMapping asked, which;
        asked.host = port.port;
        asked.transport = port.transport;
        return {{port, holder_in_proc({asked}, &which).value_or("another program")}};
    }
    return {};
}

bool shares_network(const std::string& socket)
{
    const base::Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    std::string ignored;
    const auto address = netclient::unix_address(socket, ignored);
    if (!fd || !address) return false;
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address->storage), address->size) != 0)
        return false;
    const int pid = engine::peer_of(fd.get()).pid; // 0: it is not in our PID namespace
    if (pid <= 0) return false;
    std::error_code failed;
    const auto theirs = std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/ns/net", failed);
    // A user who may not look shares the PID namespace at least, as on a machine without containers around both.
    if (failed) return failed == std::errc::permission_denied;
    return theirs == std::filesystem::read_symlink("/proc/self/ns/net", failed) && !failed;
}

void find_strangers(NodeContext& node, const std::string& server, std::vector<HostPort> ports, Then then)
{
    if (ports.empty()) return boost::asio::post(node.client.io(), [then = std::move(then)] { then({}); });
    node.client.list("", [&node, server, ports = std::move(ports), then = std::move(then)](
                             const engine::Result<std::vector<engine::ContainerRow>>& rows) mutable {
        if (rows) {
            const auto found = containers_on(rows.value(), server, node.owner, ports);
            if (!found.empty()) return then(found);
        }
        ask_host(node, std::move(ports), std::move(then));
    });
}

} // namespace agenthost::docker::service
