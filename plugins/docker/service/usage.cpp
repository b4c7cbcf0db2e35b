#include "usage.hpp"

#include "base/fd.hpp"
#include "base/split.hpp"
#include "base/trim.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

namespace agenthost::docker::service {

namespace {

constexpr std::size_t max_file = 64 * 1024;

// Empty: not readable.
std::string content_of(const std::string& path)
{
    const base::Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    std::string out;
    char part[4096];
    while (file.get() >= 0 && out.size() < max_file) {
        const ssize_t size = ::read(file.get(), part, sizeof part);
        if (size <= 0) break;
        out.append(part, static_cast<std::size_t>(size));
    }
    return out;
}

std::optional<std::uint64_t> number(std::string_view text)
{
    text = base::trim_front(text);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    return value;
}

// "usage_usec 1234" in a file of such lines.
std::uint64_t value_of(std::string_view text, std::string_view key)
{
    while (!text.empty()) {
        const std::string_view line = base::take_line(text);
        if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
            return number(line.substr(key.size())).value_or(0);
    }
    return 0;
}

bool has_controller(std::string_view list, std::string_view name)
{
    while (!list.empty()) {
        const auto end = list.find(',');
        if (list.substr(0, end) == name) return true;
        list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
    }
    return false;
}

} // namespace

UsageReader::UsageReader(std::int64_t pid, std::chrono::nanoseconds age, std::string proc,
                         std::string cgroups)
    : process_{proc + "/" + std::to_string(pid)}, last_{std::chrono::steady_clock::now() - age}
{
    const std::string list = content_of(process_ + "/cgroup");
    unified_ = ::access((cgroups + "/cgroup.controllers").c_str(), F_OK) == 0;
    std::string_view rest = list;
    while (!rest.empty()) { // "4:memory:/docker/ID", "0::/system.slice/docker-ID.scope"
        const std::string_view line = base::take_line(rest);
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (first == std::string_view::npos || second == std::string_view::npos) continue;
        const std::string_view controllers = line.substr(first + 1, second - first - 1);
        const std::string path{line.substr(second + 1)};
        if (unified_ && controllers.empty()) cpu_ = memory_ = cgroups + path;
        if (!unified_ && has_controller(controllers, "memory")) memory_ = cgroups + "/memory" + path;
        if (!unified_ && has_controller(controllers, "cpuacct")) cpu_ = cgroups + "/cpuacct" + path;
    }
}

std::optional<std::uint64_t> UsageReader::cpu_ns() const
{
    if (cpu_.empty()) return std::nullopt;
    if (!unified_) return number(content_of(cpu_ + "/cpuacct.usage"));
    const std::string stat = content_of(cpu_ + "/cpu.stat");
    if (stat.empty()) return std::nullopt;
    return value_of(stat, "usage_usec") * 1000;
}

bool UsageReader::read_memory(Usage& usage) const
{
    if (memory_.empty()) return false;
    const char* const current = unified_ ? "/memory.current" : "/memory.usage_in_bytes";
    const auto used = number(content_of(memory_ + current));
    if (!used) return false;
    const std::uint64_t cache =
        value_of(content_of(memory_ + "/memory.stat"), unified_ ? "inactive_file" : "total_inactive_file");
    usage.memory = *used > cache ? *used - cache : 0;
    constexpr std::uint64_t unlimited = std::uint64_t{1} << 62; // what v1 prints is a little less than 2^63
    const auto limit =
        number(content_of(memory_ + (unified_ ? "/memory.max" : "/memory.limit_in_bytes"))).value_or(0);
    usage.memory_limit = limit < unlimited ? limit : 0;
    usage.oom_kills =
        value_of(content_of(memory_ + (unified_ ? "/memory.events" : "/memory.oom_control")), "oom_kill");
    return true;
}

void UsageReader::read_network(Usage& usage) const
{
    const std::string table = content_of(process_ + "/net/dev");
    std::string_view rest = table;
    while (!rest.empty()) { // "  eth0: 1 2 3 4 5 6 7 8 9 ..."
        std::string_view line = base::take_line(rest);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || line.substr(0, colon).ends_with(" lo") ||
            line.substr(0, colon) == "lo")
            continue;
        line.remove_prefix(colon + 1);
        for (int column = 0; column < 9; ++column) {
            const auto begin = line.find_first_not_of(' ');
            if (begin == std::string_view::npos) break;
            line.remove_prefix(begin);
            if (column == 0) usage.network_rx += number(line).value_or(0);
            if (column == 8) usage.network_tx += number(line).value_or(0);
            const auto end = line.find(' ');
            line.remove_prefix(end == std::string_view::npos ? line.size() : end);
        }
    }
}

std::optional<Usage> UsageReader::read()
{
    const auto cpu = cpu_ns();
    Usage usage;
    if (!cpu || !read_memory(usage)) return std::nullopt;
    const auto now = std::chrono::steady_clock::now();
    const auto passed = std::chrono::duration_cast<std::chrono::nanoseconds>(now - last_).count();
    if (passed > 0 && *cpu >= last_cpu_ns_)
        usage.cpu_percent = 100.0 * static_cast<double>(*cpu - last_cpu_ns_) / static_cast<double>(passed);
    usage.observed = now - made_;
    last_ = now;
    last_cpu_ns_ = *cpu;
    read_network(usage);
    return usage;
}

} // namespace agenthost::docker::service
