// Chooses the agent of a new server: the least loaded healthy agent that it fits on. Pure.
//
// The load of an agent is the largest share that is in use, after the placement, of its memory, its cores and
// its disk, and of the processor, memory and disk that its machine reports. Agents with unknown load are
// last; among equal ones, the one with fewer servers wins, then the smaller id.
#pragma once

#include "needs.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace agenthost::hub {

struct PortRange {
    std::uint16_t first = 1, last = 65'535;
    friend bool operator==(const PortRange&, const PortRange&) = default;
};

// What an agent offers; absent: not reported, and not checked.
struct Capacity {
    std::optional<std::uint64_t> memory = {}, disk = {}, disk_free = {}; // bytes
    std::optional<std::uint32_t> milli_cpus = {};
    std::vector<PortRange> ports = {}; // that servers may use; empty: any
    std::optional<std::vector<std::string>> images = {};
    friend bool operator==(const Capacity&, const Capacity&) = default;
};

// Percent of the machine, as its heartbeat reports.
struct SystemLoad {
    std::optional<double> cpu = {}, memory = {}, disk = {};
};

struct UsedPort {
    HostPort port;
    std::string holder; // a server's id; empty: another program
};

// An agent as a place for servers.
struct Node {
    std::string agent;
    bool online = true;
    bool serves = true;        // it offers game servers
    std::string degraded = {}; // why it is not healthy; empty: it is
    Capacity capacity = {};
    SystemLoad load = {};
    // Of its servers, those that are being created included.
    std::uint64_t memory = 0, disk = 0;
    std::uint32_t milli_cpus = 0;
    std::size_t servers = 0;
    std::vector<UsedPort> used = {};
};

struct Refusal {
    std::string agent, code, reason;
};
// Why the server cannot be placed on this agent; nullopt: it fits.
std::optional<Refusal> refusal(const ServerNeeds&, const Node&);

// The share in use after the placement, 0 to 1, and what it is of: "memory".
struct NodeLoad {
    double share = 1;
    std::string of = {}; // empty: nothing is known
};
NodeLoad load_after(const ServerNeeds&, const Node&);

struct Placement {
    std::string agent; // empty: none fits
    std::string why;   // for people
    std::vector<Refusal> refused;
    // When none fits: the code that all refusals share, else INSUFFICIENT_RESOURCES; AGENT_OFFLINE without
    // any agent.
    std::string code;
};
Placement place(const ServerNeeds&, std::span<const Node>);

} // namespace agenthost::hub
