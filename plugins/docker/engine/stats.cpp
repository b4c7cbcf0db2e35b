#include "stats.hpp"

#include "base/ascii.hpp"
#include "base/json_depth.hpp"
#include "json_read.hpp"
#include "stamp.hpp"

#include <algorithm>

namespace agenthost::docker::engine {

namespace {

// Counters of several devices may be hostile; their sum saturates.
void add(std::uint64_t& sum, std::uint64_t more)
{
    if (__builtin_add_overflow(sum, more, &sum)) sum = UINT64_MAX;
}

std::uint64_t memory_used(const nlohmann::json& memory)
{
    const std::uint64_t usage = count_at(memory, "usage");
    const auto& details = member(memory, "stats");
    // cgroup v1, then v2.
    for (const char* key : {"total_inactive_file", "inactive_file"})
        if (const auto cache = count_at(details, key); cache > 0 && cache < usage) return usage - cache;
    return usage;
}

void read_disk(const nlohmann::json& blkio, StatsSample& sample)
{
    const auto& rows = member(blkio, "io_service_bytes_recursive");
    if (!rows.is_array()) return;
    for (const auto& row : rows) {
        const std::string op = base::to_lower(text_at(row, "op"));
        if (op == "read") add(sample.disk_read, count_at(row, "value"));
        if (op == "write") add(sample.disk_written, count_at(row, "value"));
    }
}

void read_network(const nlohmann::json& root, StatsSample& sample)
{
    const auto& networks = member(root, "networks");
    if (!networks.is_object()) return;
    for (const auto& network : networks) {
        add(sample.network_rx, count_at(network, "rx_bytes"));
        add(sample.network_tx, count_at(network, "tx_bytes"));
    }
}

} // namespace

std::optional<StatsSample> read_stats(std::string_view json)
{
    const auto root = base::parse_json<nlohmann::json>(json);
    const auto& cpu = member(root, "cpu_stats");
    if (!cpu.is_object()) return std::nullopt;
    StatsSample sample;
    sample.time_ns = stamp_ns(text_at(root, "read"));
    sample.cpu_ns = count_at(member(cpu, "cpu_usage"), "total_usage");
    sample.cores = static_cast<std::uint32_t>(std::min<std::uint64_t>(count_at(cpu, "online_cpus"), 65536));
    const auto& before = member(root, "precpu_stats");
    sample.previous_cpu_ns = count_at(member(before, "cpu_usage"), "total_usage");
    if (sample.previous_cpu_ns > 0) sample.previous_time_ns = stamp_ns(text_at(root, "preread"));
    const auto& memory = member(root, "memory_stats");
    sample.memory = memory_used(memory);
    sample.memory_limit = count_at(memory, "limit");
    sample.processes = count_at(member(root, "pids_stats"), "current");
    read_network(root, sample);
    read_disk(member(root, "blkio_stats"), sample);
    return sample;
}

ResourceUse use_between(const StatsSample& before, const StatsSample& after)
{
    ResourceUse use;
    use.memory = after.memory;
    use.memory_limit = after.memory_limit;
    use.network_rx = after.network_rx;
    use.network_tx = after.network_tx;
    use.disk_read = after.disk_read;
    use.disk_written = after.disk_written;
    use.processes = after.processes;
    if (before.time_ns > 0 && after.time_ns > before.time_ns && after.cpu_ns >= before.cpu_ns) {
        const auto elapsed = static_cast<double>(after.time_ns - before.time_ns);
        use.cpu_percent = static_cast<double>(after.cpu_ns - before.cpu_ns) / elapsed * 100;
    }
    return use;
}

ResourceUse use_of(const StatsSample& sample)
{
    StatsSample before;
    before.time_ns = sample.previous_time_ns;
    before.cpu_ns = sample.previous_cpu_ns;
    return use_between(before, sample);
}

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes / (1024 * 1024)) + "m"; }

} // namespace agenthost::docker::engine
