#include "proc.hpp"

#include "base/split.hpp"
#include "base/trim.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace agenthost::telemetry {

namespace {

constexpr std::size_t max_name = 64;    // IFNAMSIZ is 16, DISK_NAME_LEN 32
constexpr std::size_t max_path = 4096;  // PATH_MAX
constexpr std::size_t max_source = 256; // of an export or a device

// The next word of a line, empty at its end.
std::string_view next_field(std::string_view& line)
{
    line = base::trim_front(line);
    const auto size = std::min(line.find_first_of(base::blanks), line.size());
    const auto word = line.substr(0, size);
    line.remove_prefix(size);
    return word;
}

// The whole word, or nothing.
template <class T> bool number(std::string_view word, T& out)
{
    if (word.empty()) return false;
    T value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size()) return false;
    out = value;
    return true;
}

template <class T, std::size_t N> bool numbers(std::string_view& line, std::array<T, N>& out)
{
    for (T& value : out)
        if (!number(next_field(line), value)) return false;
    return true;
}

bool plain(std::string_view name) // safe as a label, a JSON key and in a line of text
{
    if (name.empty() || name.size() > max_name) return false;
    for (const char c : name)
        if (static_cast<unsigned char>(c) < 0x21 || c == 0x7f) return false;
    return true;
}

std::uint64_t times(std::uint64_t value, std::uint64_t factor)
{
    return value > UINT64_MAX / factor ? UINT64_MAX : value * factor;
}

// mountinfo writes space, tab, newline and backslash as \040 and the like.
std::string unescaped(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    const auto octal = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '7'; };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
            out +=
                static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

bool has_option(std::string_view options, std::string_view wanted)
{
    while (!options.empty()) {
        const auto comma = options.find(',');
        if (options.substr(0, comma) == wanted) return true;
        options.remove_prefix(comma == options.npos ? options.size() : comma + 1);
    }
    return false;
}

} // namespace

std::optional<CpuTicks> parse_stat(std::string_view text)
{
    std::optional<CpuTicks> out;
    unsigned cpus = 0;
    while (!text.empty()) {
        auto line = base::take_line(text);
        const auto word = next_field(line);
        if (!word.starts_with("cpu")) continue;
        if (word.size() > 3) {
            ++cpus;
            continue;
        }
        if (out) continue; // the kernel writes one
        CpuTicks t;
        // Kernels before 2.6.11 wrote fewer columns; user to idle are always there.
        std::array<std::uint64_t*, 8> columns{&t.user,   &t.nice, &t.system,  &t.idle,
                                              &t.iowait, &t.irq,  &t.softirq, &t.steal};
        std::size_t got = 0;
        while (got < columns.size() && number(next_field(line), *columns[got])) ++got;
        if (got >= 4) out = t;
    }
    if (out) out->cpus = cpus == 0 ? 1 : cpus;
    return out;
}

std::optional<Memory> parse_meminfo(std::string_view text)
{
    Memory out;
    std::uint64_t free = 0, buffers = 0, cached = 0;
    bool has_total = false, has_available = false;
    while (!text.empty()) {
        auto line = base::take_line(text);
        const auto key = next_field(line);
        std::uint64_t kib = 0;
        if (!number(next_field(line), kib)) continue;
        const auto bytes = times(kib, 1024);
        if (key == "MemTotal:") {
            out.total = bytes;
            has_total = bytes > 0;
        } else if (key == "MemAvailable:") {
            out.available = bytes;
            has_available = true;
        } else if (key == "MemFree:")
            free = bytes;
        else if (key == "Buffers:")
            buffers = bytes;
        else if (key == "Cached:")
            cached = bytes;
        else if (key == "SwapTotal:")
            out.swap_total = bytes;
        else if (key == "SwapFree:")
            out.swap_free = bytes;
    }
    if (!has_total) return std::nullopt;
    if (!has_available) { // Linux before 3.14
        out.available = free;
        for (const auto more : {buffers, cached})
            out.available = out.available > UINT64_MAX - more ? UINT64_MAX : out.available + more;
    }
    if (out.available > out.total) out.available = out.total;
    if (out.swap_free > out.swap_total) out.swap_free = out.swap_total;
    return out;
}

std::optional<Load> parse_loadavg(std::string_view text)
{
    auto line = base::take_line(text);
    Load out{};
    if (!numbers(line, out)) return std::nullopt;
    for (const double value : out)
        if (!std::isfinite(value) || value < 0 || value > 1e9) return std::nullopt;
    return out;
}

std::vector<Interface> parse_net_dev(std::string_view text)
{
    std::vector<Interface> out;
    while (!text.empty() && out.size() < max_parsed) {
        auto line = base::take_line(text);
        // An alias is "eth0:1"; figures follow the last, sometimes without a space.
        const auto colon = line.rfind(':');
        if (colon == line.npos) continue; // the two lines of headings
        auto before = line.substr(0, colon);
        const auto name = next_field(before);
        line.remove_prefix(colon + 1);
        std::array<std::uint64_t, 16> n{};
        if (!plain(name) || !numbers(line, n)) continue;
        out.push_back({.name = std::string{name},
                       .in = n[0],
                       .out = n[8],
                       .in_errors = n[2],
                       .out_errors = n[10],
                       .in_drops = n[3],
                       .out_drops = n[11]});
    }
    return out;
}

std::vector<Disk> parse_diskstats(std::string_view text)
{
    // Always, whatever the device's own (Documentation/admin-guide/iostats)
    constexpr std::uint64_t sector = 512;
    std::vector<Disk> out;
    while (!text.empty() && out.size() < max_parsed) {
        auto line = base::take_line(text);
        std::array<std::uint64_t, 2> device{};
        if (!numbers(line, device)) continue;
        const auto name = next_field(line);
        std::array<std::uint64_t, 10> n{};
        if (!plain(name) || !numbers(line, n)) continue;
        out.push_back({.name = std::string{name},
                       .read = times(n[2], sector),
                       .written = times(n[6], sector),
                       .busy_ms = n[9]});
    }
    return out;
}

std::vector<Mount> parse_mountinfo(std::string_view text)
{
    std::vector<Mount> out;
    while (!text.empty() && out.size() < max_parsed) {
        auto line = base::take_line(text);
        next_field(line); // its id
        next_field(line); // its parent's
        const auto device = next_field(line);
        next_field(line); // root within the filesystem
        const auto point = next_field(line);
        const auto options = next_field(line);
        std::string_view word;
        do word = next_field(line); // optional fields end with a dash
        while (!word.empty() && word != "-");
        const auto type = next_field(line), source = next_field(line), super = next_field(line);
        if (word.empty() || type.empty() || point.empty() || point.front() != '/' ||
            point.size() > max_path || !plain(type) || !plain(device))
            continue;
        out.push_back({.device = std::string{device},
                       .point = unescaped(point),
                       .type = std::string{type},
                       .source = unescaped(source.substr(0, max_source)),
                       .read_only = has_option(options, "ro") || has_option(super, "ro")});
    }
    return out;
}

std::optional<double> parse_uptime(std::string_view text)
{
    auto line = base::take_line(text);
    double seconds = 0;
    if (!number(next_field(line), seconds) || !std::isfinite(seconds) || seconds < 0) return std::nullopt;
    return seconds;
}

} // namespace agenthost::telemetry
