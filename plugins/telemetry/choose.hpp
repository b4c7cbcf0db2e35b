// Selects the interfaces, disks and filesystems to measure. Pure. Bounds: `max_interfaces`, `max_disks`,
// `max_filesystems`; beyond them, in order of names, the rest is omitted and counted.
#pragma once

#include "proc.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::telemetry {

// ext/metrics.h: 32 label sets.
constexpr std::size_t max_interfaces = 16, max_disks = 16, max_filesystems = 32;

// "eth*" admits eth0; "*" everything; otherwise the name itself.
bool matches(std::string_view pattern, std::string_view name);
bool matches_any(const std::vector<std::string>& patterns, std::string_view name);

// Without patterns: interfaces with traffic of their own. Not loopback, bridges, bonds, tunnels and container
// interfaces: their bytes also pass a physical interface and would be counted twice.
struct Choice {
    std::vector<std::string> names; // sorted
    std::size_t left_out = 0;
};
Choice choose_interfaces(const std::vector<Interface>&, const std::vector<std::string>& patterns);
// Whole disks; not partitions (their disk counts them), loops, RAM disks or optical drives.
Choice choose_disks(const std::vector<Disk>&);

// Whether statvfs depends on another machine or a process, and can hang while that is unavailable.
bool may_hang(std::string_view type);

struct ChosenMounts {
    std::vector<Mount> mounts; // by point
    std::size_t left_out = 0;
};
// Without patterns: filesystems on disks, each device once, at its shortest path, and always "/"; with
// `network` also those that may hang. Patterns match mount points.
ChosenMounts choose_mounts(std::vector<Mount>, const std::vector<std::string>& patterns, bool network);

} // namespace agenthost::telemetry
