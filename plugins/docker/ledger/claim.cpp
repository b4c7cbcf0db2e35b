#include "claim.hpp"

namespace agenthost::docker::ledger {

std::string text(const HostPort& port)
{
    const netclient::IpEndpoint endpoint{port.address, port.port};
    return endpoint.text() + (port.transport == Transport::udp ? "/udp" : "/tcp");
}

std::optional<HostPort> read_host_port(std::string_view written)
{
    HostPort out;
    if (written.ends_with("/udp"))
        out.transport = Transport::udp;
    else if (!written.ends_with("/tcp"))
        return std::nullopt;
    written.remove_suffix(4);
    const auto endpoint = netclient::parse_endpoint(written);
    if (!endpoint || endpoint->port == 0) return std::nullopt;
    out.address = endpoint->ip;
    out.port = endpoint->port;
    return out;
}

bool excludes(const HostPort& a, const HostPort& b)
{
    if (a.port != b.port || a.transport != b.transport) return false;
    return a.address == b.address || a.address.any() || b.address.any();
}

Claim claim_of(const ServerPlan& plan)
{
    Claim out;
    out.server = plan.server.server_id;
    for (const PortMapping& port : plan.server.ports)
        if (port.bind) out.ports.push_back({*port.bind, port.host, port.transport});
    out.memory = plan.server.memory;
    out.disk = plan.disk;
    return out;
}

} // namespace agenthost::docker::ledger
