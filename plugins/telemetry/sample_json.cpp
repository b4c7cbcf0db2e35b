#include "sample_json.hpp"

#include "base/json_writer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace agenthost::telemetry {

namespace {

using base::JsonWriter;
using base::RawJson;

std::int64_t whole(double value)
{
    return std::isfinite(value) && value > 0 ? std::llround(std::min(value, 9e15)) : 0;
}

// Names are cut, because the output must stay small.
std::string_view shown(std::string_view text)
{
    constexpr std::size_t max_name = 256;
    return text.substr(0, max_name);
}

void write_load(JsonWriter& json, const Load& load)
{
    json.array("load_average");
    for (const double each : load) json.value(RawJson{number(each)});
    json.end();
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
    return base::json_object("cpu", RawJson{number(s.cpu)}, "memory", RawJson{number(s.memory)}, "disk",
                             RawJson{number(s.disk)});
}

std::string metrics_json(const Sample& s)
{
    std::string out;
    JsonWriter json{out};
    json.object()
        .member("cpu_percent", RawJson{number(s.cpu)})
        .member("mem_percent", RawJson{number(s.memory)})
        .member("disk_percent", RawJson{number(s.disk)})
        .member("network_in_bps", whole(s.network_in))
        .member("network_out_bps", whole(s.network_out));
    write_load(json, s.load);
    json.end();
    return out;
}

namespace {

void write_memory(JsonWriter& json, const Sample& s)
{
    json.object("memory")
        .member("total_bytes", s.memory_bytes.total)
        .member("available_bytes", s.memory_bytes.available)
        .member("swap_total_bytes", s.memory_bytes.swap_total)
        .member("swap_free_bytes", s.memory_bytes.swap_free)
        .end();
}

void write_network(JsonWriter& json, const Sample& s)
{
    json.array("network");
    for (const Rate& r : s.interfaces) {
        json.object()
            .member("name", shown(r.name))
            .member("in_bps", whole(r.in))
            .member("out_bps", whole(r.out))
            .end();
    }
    json.end();
}

void write_disks(JsonWriter& json, const Sample& s)
{
    json.array("disks");
    for (const Rate& r : s.disks) {
        json.object()
            .member("name", shown(r.name))
            .member("read_bps", whole(r.in))
            .member("write_bps", whole(r.out))
            .member("busy_percent", RawJson{number(r.busy)})
            .end();
    }
    json.end();
}

void write_filesystems(JsonWriter& json, const Sample& s)
{
    json.array("filesystems");
    for (const Usage& u : s.filesystems) {
        json.object()
            .member("mount", shown(u.point))
            .member("type", shown(u.type))
            .member("total_bytes", u.total)
            .member("free_bytes", u.available)
            .member("used_percent", RawJson{number(u.percent())});
        if (u.read_only) json.member("read_only", true);
        if (u.stuck) json.member("stuck", true);
        json.end();
    }
    json.end();
}

} // namespace

std::string detail_json(const Sample& s)
{
    std::string out;
    JsonWriter json{out};
    json.object().member("at", s.at_ms).member("cpus", s.cpus).member("uptime_s", whole(s.uptime_s));
    write_load(json, s.load);
    write_memory(json, s);
    write_network(json, s);
    write_disks(json, s);
    write_filesystems(json, s);
    if (s.left_out > 0) json.member("left_out", s.left_out);
    json.end();
    return out;
}

} // namespace agenthost::telemetry
