#include "node_report.hpp"

#include "plugins/docker/ledger/proc_net.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <tuple>
#include <utility>

namespace agenthost::docker::service {

namespace {

constexpr std::array<std::pair<const char*, Transport>, 4> tables{
    {{"tcp", Transport::tcp}, {"tcp6", Transport::tcp}, {"udp", Transport::udp}, {"udp6", Transport::udp}}};

bool may_be_used(const std::vector<PortRange>& ranges, std::uint16_t port)
{
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const PortRange& range) { return range.first <= port && port <= range.last; });
}

auto order(const ledger::HostPort& port) { return std::tuple{port.port, port.transport, port.address.bytes}; }

void read_disk(const std::string& data_dir, NodeReport& to)
{
    std::error_code ignored;
    std::filesystem::path folder = data_dir; // made with the first server
    while (!std::filesystem::exists(folder, ignored) && folder.has_relative_path())
        folder = folder.parent_path();
    struct statvfs found {};
    if (::statvfs(folder.c_str(), &found) != 0) return;
    to.disk = found.f_blocks * found.f_frsize;
    to.disk_free = found.f_bavail * found.f_frsize;
}

} // namespace

std::uint64_t disk_size(const std::string& data_dir)
{
    NodeReport report;
    read_disk(data_dir, report);
    return report.disk;
}

NodeReport read_node(const NodePolicy& policy, const std::string& proc)
{
    NodeReport out;
    read_disk(policy.data_dir, out);
    for (const auto& [name, transport] : tables) {
        std::ifstream in{proc + "/net/" + name};
        for (std::string line; std::getline(in, line);)
            for (const ledger::Listener& listener : ledger::read_listeners(line, transport))
                if (may_be_used(policy.ports, listener.port.port)) out.listening.push_back(listener.port);
    }
    std::sort(out.listening.begin(), out.listening.end(),
              [](const auto& a, const auto& b) { return order(a) < order(b); });
    out.listening.erase(std::unique(out.listening.begin(), out.listening.end()), out.listening.end());
    if (out.listening.size() > max_reported_ports) out.listening.resize(max_reported_ports);
    return out;
}

void write_node(base::JsonWriter& json, const NodePolicy& policy, const ledger::Ledger& ledger,
                const std::optional<engine::EngineFacts>& engine, const NodeReport& report)
{
    json.object();
    const std::uint64_t memory = policy.total_memory != 0 ? policy.total_memory : engine ? engine->memory : 0;
    if (memory != 0) json.member("maxMemory", std::to_string(memory >> 20) + "MB");
    if (engine && engine->cores > 0) json.member("maxCpuCores", engine->cores);
    const std::uint64_t disk = policy.total_disk != 0 ? policy.total_disk : report.disk;
    if (disk != 0) json.member("maxDisk", disk);
    if (report.disk != 0) json.member("freeDisk", report.disk_free);
    json.array("ports");
    for (const PortRange& range : policy.ports)
        json.value(std::to_string(range.first) + "-" + std::to_string(range.last));
    json.end().array("usedPorts");
    for (const ledger::HostPort& port : report.listening)
        if (!ledger.holder(port)) json.value(ledger::text(port));
    json.end().member("images", policy.images.patterns()).end();
}

} // namespace agenthost::docker::service
