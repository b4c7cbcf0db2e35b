// One reading of the machine's counters (Reading), and the rates computed from two of them (Sample). Plain
// values.
#pragma once

#include "choose.hpp"
#include "proc.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::telemetry {

struct Usage { // of a filesystem, as df(1) counts: what only root may use is neither used nor available
    std::string point, type, source;
    std::uint64_t total = 0, used = 0, available = 0; // bytes
    std::uint64_t files = 0, files_free = 0;
    bool read_only = false;
    bool stuck = false; // its filesystem does not respond; the values are 0
    [[nodiscard]] double percent() const
    {
        const double both = static_cast<double>(used) + static_cast<double>(available);
        return both > 0 ? 100 * static_cast<double>(used) / both : 0;
    }
};

// Absent: the file could not be read or was invalid.
struct Reading {
    std::chrono::nanoseconds at{
        0}; // CLOCK_MONOTONIC: stands still while the machine is suspended, as the counters do
    std::optional<CpuTicks> cpu;
    std::optional<Memory> memory;
    std::optional<Load> load;
    std::optional<double> uptime_s;
    std::vector<Interface> interfaces;
    std::vector<Disk> disks;
    std::vector<Usage> filesystems;
    std::optional<Usage> disk; // the filesystem reported as "the disk"
    std::size_t left_out = 0;  // interfaces, disks and filesystems beyond the bounds
};

struct Rate {
    std::string name;
    double in = 0, out = 0;                    // bytes a second: received or read, sent or written
    std::uint64_t in_bytes = 0, out_bytes = 0; // moved since the reading before, for counters
    std::uint64_t errors = 0, drops = 0;       // the same, of interfaces
    double busy = 0;                           // percent of the time, of disks
};

struct Sample {
    std::int64_t at_ms = 0;               // UTC
    double cpu = 0, memory = 0, disk = 0; // percent
    unsigned cpus = 1;
    double network_in = 0, network_out = 0; // bytes a second
    Load load{};
    double uptime_s = 0;
    Memory memory_bytes;
    std::vector<Rate> interfaces, disks;
    std::vector<Usage> filesystems;
    std::size_t left_out = 0;
    bool has_rates = false; // false for the first reading: there is nothing to compare with
};

} // namespace agenthost::telemetry
