// Which interfaces, disks and filesystems are worth a figure. Pure. Bounds: `interfaces_most`, `disks_most`, `filesystems_most`;
// what is beyond them, by name, is left out and counted.
#pragma once

#include "proc.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::telemetry {

constexpr std::size_t interfaces_most = 16, disks_most = 16,
                      filesystems_most = 32; // ext/metrics.h: 32 label sets

// "eth*" admits eth0; "*" everything; otherwise the name itself.
bool matches(std::string_view pattern, std::string_view name);
bool matches_any(const std::vector<std::string>& patterns, std::string_view name);

// Without patterns: what carries traffic of its own. Not loopback, and not bridges, bonds, tunnels and the ends of containers: their
// bytes pass a real interface as well and would be counted twice.
struct Choice {
    std::vector<std::string> names; // sorted
    std::size_t left_out = 0;
};
Choice choose_interfaces(const std::vector<Interface>&, const std::vector<std::string>& patterns);
// Whole disks; not partitions (their disk counts them), loops, RAM disks or optical drives.
Choice choose_disks(const std::vector<Disk>&);

// Does asking it mean asking another machine, or a process? Then statvfs can hang for as long as that is away.
bool may_hang(std::string_view type);

struct ChosenMounts {
    std::vector<Mount> mounts; // by point
    std::size_t left_out = 0;
};
// Without patterns: filesystems on disks, each device once, at its shortest path, and "/" whatever it is; `network`: those that may
// hang as well. Patterns are of mount points.
ChosenMounts choose_mounts(std::vector<Mount>, const std::vector<std::string>& patterns, bool network);

} // namespace agenthost::telemetry
