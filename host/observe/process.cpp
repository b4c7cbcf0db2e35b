#include "process.hpp"

#include "base/fd.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <ctime>

namespace agenthost::host {

namespace {

std::string_view next_field(std::string_view& text)
{
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    const auto end = text.find(' ');
    const auto word = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end);
    return word;
}

std::uint64_t count_fds()
{
    DIR* const folder = ::opendir("/proc/self/fd");
    if (!folder) return 0;
    std::uint64_t count = 0;
    while (const dirent* entry = ::readdir(folder)) count += entry->d_name[0] != '.';
    ::closedir(folder);
    return count > 0 ? count - 1 : 0; // without the folder's own descriptor
}

double seconds(clockid_t clock)
{
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

} // namespace

std::optional<ProcessCost> parse_process(std::string_view stat, double ticks, std::uint64_t page,
                                         double boot_s)
{
    // The name in parentheses may contain anything, even parentheses and spaces, so parse after the last one.
    const auto name_end = stat.rfind(')');
    if (name_end == stat.npos || ticks <= 0) return std::nullopt;
    stat.remove_prefix(name_end + 1);
    std::array<std::uint64_t, 25> field{}; // proc(5) counts from 1; [3] is the state
    next_field(stat);
    for (std::size_t i = 4; i < field.size(); ++i) {
        auto word = next_field(stat);
        if (word.starts_with('-')) continue; // priorities and similar fields, not used here
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), field[i]);
        if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
    }
    return ProcessCost{.cpu_s = static_cast<double>(field[14] + field[15]) / ticks,
                       .started_s = boot_s + static_cast<double>(field[22]) / ticks,
                       .rss = field[24] * page,
                       .virtual_bytes = field[23],
                       .threads = field[20]};
}

ProcessCost process_cost()
{
    ProcessCost out;
    std::array<char, 1024> text{};
    const base::Fd file{::open("/proc/self/stat", O_RDONLY | O_CLOEXEC)};
    const auto size = file ? ::read(file.get(), text.data(), text.size()) : -1;
    const double boot = seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME);
    if (size > 0)
        if (const auto parsed = parse_process({text.data(), static_cast<std::size_t>(size)},
                                              static_cast<double>(::sysconf(_SC_CLK_TCK)),
                                              static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)), boot))
            out = *parsed;
    out.open_fds = count_fds();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) out.max_fds = limit.rlim_cur;
    return out;
}

} // namespace agenthost::host
