// Parses the kernel's text files into structs. Pure; for any text, nothing is thrown and nothing grows
// beyond the bounds given here. An invalid line is skipped, an invalid file gives nullopt.
// Sources: proc(5) of Linux 6; counters start at boot (or when the device appeared) and may wrap or restart.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::telemetry {

constexpr std::size_t max_parsed = 4096; // lines of a kind used per file; no real machine has more

// /proc/stat, all CPUs together, in ticks. guest time is in user already.
struct CpuTicks {
    std::uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
    unsigned cpus = 0; // that are on line
};
std::optional<CpuTicks> parse_stat(std::string_view);

// /proc/meminfo, in bytes.
struct Memory {
    std::uint64_t total = 0, available = 0, swap_total = 0, swap_free = 0;
};
std::optional<Memory> parse_meminfo(std::string_view);

// /proc/loadavg
using Load = std::array<double, 3>; // 1, 5, 15 minutes
std::optional<Load> parse_loadavg(std::string_view);

// /proc/net/dev
struct Interface {
    std::string name;
    // Bytes; packets.
    std::uint64_t in = 0, out = 0, in_errors = 0, out_errors = 0, in_drops = 0, out_drops = 0;
};
std::vector<Interface> parse_net_dev(std::string_view);

// /proc/diskstats
struct Disk {
    std::string name;
    std::uint64_t read = 0, written = 0; // bytes
    std::uint64_t busy_ms = 0;
};
std::vector<Disk> parse_diskstats(std::string_view);

// /proc/self/mountinfo
struct Mount {
    std::string device; // "254:0"
    std::string point, type, source;
    bool read_only = false;
};
std::vector<Mount> parse_mountinfo(std::string_view);

// /proc/uptime, seconds
std::optional<double> parse_uptime(std::string_view);

} // namespace agenthost::telemetry
