// Reads this process's resource use from /proc/self, for metrics and status.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace agenthost::host {

struct ProcessCost {
    double cpu_s = 0;     // user and system, all threads
    double started_s = 0; // UTC, seconds
    std::uint64_t rss = 0, virtual_bytes = 0, threads = 0;
    std::uint64_t open_fds = 0, max_fds = 0;
};

// Parses /proc/self/stat; pure. `ticks` per second, `page` in bytes, `boot_s`: UTC of the machine's boot.
// nullopt: invalid text.
std::optional<ProcessCost> parse_process(std::string_view stat, double ticks, std::uint64_t page,
                                         double boot_s);
ProcessCost process_cost();

} // namespace agenthost::host
