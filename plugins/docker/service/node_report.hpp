// What this node offers to servers, for the answer of list_servers: hubs place servers by it.
//
//     {"maxMemory":"16384MB","maxCpuCores":4,"maxDisk":500107862016,"freeDisk":120034123776,"ports":["25565-25600"],
//      "usedPorts":["0.0.0.0:25570/tcp"],"images":["ghcr.io/pelican-eggs/*"]}
#pragma once

#include "plugins/docker/engine/facts.hpp"
#include "plugins/docker/ledger/ledger.hpp"
#include "plugins/docker/spec/node_policy.hpp"

#include "base/json_writer.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::docker::service {

constexpr std::size_t max_reported_ports = 512;

// What only the machine itself knows.
struct NodeReport {
    std::uint64_t disk = 0, disk_free = 0; // bytes of data_dir's file system; 0: not known
    std::vector<ledger::HostPort>
        listening; // within the policy's ports, in order; at most max_reported_ports
};

// Bytes of the file system that data_dir is on or will be on; 0: unknown. Blocking.
std::uint64_t disk_size(const std::string& data_dir);

// Blocking: on a pool thread. Does not throw if the machine reports nothing.
NodeReport read_node(const NodePolicy&, const std::string& proc = "/proc");

// Writes an object. Ports that servers have claimed are left out: the list has them already. Pure.
void write_node(base::JsonWriter&, const NodePolicy&, const ledger::Ledger&,
                const std::optional<engine::EngineFacts>&, const NodeReport&);

} // namespace agenthost::docker::service
