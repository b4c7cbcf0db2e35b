#include "words.hpp"

#include <agenthost/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace agenthost::telemetry {

namespace {

std::string whole(double value)
{
    return std::isfinite(value) && value > 0 ? std::to_string(std::llround(std::min(value, 9e15))) : "0";
}
std::string whole(std::uint64_t value) { return std::to_string(value); }

// What others read must stay small: a path is cut for showing, not for using.
std::string shown(std::string_view text) { return json_string(text.substr(0, 256)); }

template <class T, class Show> std::string list(const std::vector<T>& items, Show show)
{
    std::string out = "[";
    for (const T& item : items) {
        if (out.size() > 1) out += ',';
        out += show(item);
    }
    return out += ']';
}

std::string load_json(const Load& load)
{
    return "[" + number(load[0]) + "," + number(load[1]) + "," + number(load[2]) + "]";
}

} // namespace

std::string number(double value)
{
    if (!std::isfinite(value)) return "0";
    char text[64];
    std::snprintf(text, sizeof text, "%.2f", value);
    std::string out{text};
    while (out.back() == '0') out.pop_back();
    if (out.back() == '.') out.pop_back();
    return out == "-0" ? "0" : out;
}

std::string system_load_json(const Sample& s)
{
    return "{\"cpu\":" + number(s.cpu) + ",\"memory\":" + number(s.memory) + ",\"disk\":" + number(s.disk) +
           "}";
}

std::string metrics_json(const Sample& s)
{
    return "{\"cpu_percent\":" + number(s.cpu) + ",\"mem_percent\":" + number(s.memory) +
           ",\"disk_percent\":" + number(s.disk) + ",\"network_in_bps\":" + whole(s.network_in) +
           ",\"network_out_bps\":" + whole(s.network_out) + ",\"load_average\":" + load_json(s.load) + "}";
}

std::string detail_json(const Sample& s)
{
    const auto interfaces = list(s.interfaces, [](const Rate& r) {
        return "{\"name\":" + shown(r.name) + ",\"in_bps\":" + whole(r.in) + ",\"out_bps\":" + whole(r.out) +
               "}";
    });
    const auto disks = list(s.disks, [](const Rate& r) {
        return "{\"name\":" + shown(r.name) + ",\"read_bps\":" + whole(r.in) +
               ",\"write_bps\":" + whole(r.out) + ",\"busy_percent\":" + number(r.busy) + "}";
    });
    const auto filesystems = list(s.filesystems, [](const Usage& u) {
        std::string out = "{\"mount\":" + shown(u.point) + ",\"type\":" + shown(u.type) +
                          ",\"total_bytes\":" + whole(u.total) + ",\"free_bytes\":" + whole(u.available) +
                          ",\"used_percent\":" + number(u.percent());
        if (u.read_only) out += ",\"read_only\":true";
        if (u.stuck) out += ",\"stuck\":true";
        return out + "}";
    });
    std::string out = "{\"at\":" + std::to_string(s.at_ms) + ",\"cpus\":" + std::to_string(s.cpus) +
                      ",\"uptime_s\":" + whole(s.uptime_s) + ",\"load_average\":" + load_json(s.load) +
                      ",\"memory\":{\"total_bytes\":" + whole(s.memory_bytes.total) +
                      ",\"available_bytes\":" + whole(s.memory_bytes.available) +
                      ",\"swap_total_bytes\":" + whole(s.memory_bytes.swap_total) +
                      ",\"swap_free_bytes\":" + whole(s.memory_bytes.swap_free) +
                      "},\"network\":" + interfaces + ",\"disks\":" + disks +
                      ",\"filesystems\":" + filesystems;
    if (s.left_out > 0) out += ",\"left_out\":" + std::to_string(s.left_out);
    return out += '}';
}

std::string iso_time(std::int64_t utc_ms)
{
    const std::int64_t ms = ((utc_ms % 1000) + 1000) % 1000;
    const std::time_t seconds = static_cast<std::time_t>((utc_ms - ms) / 1000);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[64];
    const auto size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(text + size, sizeof text - size, ".%03dZ", static_cast<int>(ms));
    return text;
}

} // namespace agenthost::telemetry
