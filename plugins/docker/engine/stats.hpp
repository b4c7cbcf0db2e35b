// Reads the engine's statistics of a container and computes what the panel document reports. Pure.
//
// Units: CPU in percent of one core (200 is two cores); memory in bytes without the page cache that the
// kernel can drop, as `docker stats` counts; network and disk in bytes since the container's start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::docker::engine {

// One reading; counters grow until the container ends.
struct StatsSample {
    std::int64_t time_ns = 0;
    std::uint64_t cpu_ns = 0;
    std::uint32_t cores = 0; // 0: the engine did not say
    std::uint64_t memory = 0, memory_limit = 0;
    std::uint64_t network_rx = 0, network_tx = 0;
    std::uint64_t disk_read = 0, disk_written = 0;
    std::uint64_t processes = 0;
    // The counters of the previous reading, which engines include; time 0: not included.
    std::int64_t previous_time_ns = 0;
    std::uint64_t previous_cpu_ns = 0;
};

// nullopt: not statistics. A container that does not run has time_ns 0.
std::optional<StatsSample> read_stats(std::string_view json);

struct ResourceUse {
    double cpu_percent = 0;
    std::uint64_t memory = 0, memory_limit = 0;
    std::uint64_t network_rx = 0, network_tx = 0;
    std::uint64_t disk_read = 0, disk_written = 0;
    std::uint64_t processes = 0;
};

// CPU between the two readings; 0 when time or counter went backwards.
ResourceUse use_between(const StatsSample& before, const StatsSample& after);
// CPU since the previous reading that the engine included.
ResourceUse use_of(const StatsSample&);

// "1024m": the document's m is MiB; rounded down.
std::string mebibytes(std::uint64_t bytes);

} // namespace agenthost::docker::engine
