// What one server takes from the node, and when two host ports exclude each other. Plain values.
#pragma once

#include "plugins/docker/spec/server_plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker::ledger {

struct HostPort {
    netclient::IpAddress address;
    std::uint16_t port = 0;
    Transport transport = Transport::tcp;
    bool operator==(const HostPort&) const = default;
};

// "0.0.0.0:25565/tcp", "[::]:19132/udp".
std::string text(const HostPort&);
// nullopt: not written by text().
std::optional<HostPort> read_host_port(std::string_view);

// 0.0.0.0 and :: take the port of every address: engines and games bind :: for both families.
bool excludes(const HostPort&, const HostPort&);

struct Claim {
    std::string server;
    std::vector<HostPort> ports;
    std::uint64_t memory = 0, disk = 0; // bytes; disk 0: not limited
    bool operator==(const Claim&) const = default;
};
Claim claim_of(const ServerPlan&);

} // namespace agenthost::docker::ledger
