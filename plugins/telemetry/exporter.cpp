#include "exporter.hpp"

#include "base/json_writer.hpp"

namespace agenthost::telemetry {

namespace {

constexpr std::size_t max_known = 1024; // names tried, accepted by the host or not

} // namespace

void Exporter::record(const Metric& metric, double value, std::string_view label_value)
{
    std::string key{metric.name};
    key += '\n';
    key += label_value;
    auto at = known_.find(key);
    if (at == known_.end()) {
        if (known_.size() >= max_known) return;
        std::string definition;
        base::JsonWriter json{definition};
        json.object().member("name", metric.name).member("type", metric.type).member("help", metric.help);
        if (!metric.unit.empty()) json.member("unit", metric.unit);
        if (!metric.label.empty()) json.object("labels").member(metric.label, label_value).end();
        json.end();
        at = known_.emplace(std::move(key), context_.metric(definition)).first;
    }
    if (at->second) context_.record(*at->second, value);
}

void Exporter::publish(const Sample& s)
{
    const auto gauge = [&](std::string_view name, std::string_view help, double value,
                           std::string_view unit = {}) {
        record({name, "gauge", help, unit, {}}, value);
    };
    const auto bytes = [](std::uint64_t n) { return static_cast<double>(n); };
    if (s.has_rates) gauge("cpu_percent", "Busy share of all CPUs.", s.cpu);
    gauge("cpus", "CPUs on line.", s.cpus);
    gauge("memory_total_bytes", "Memory of the machine.", bytes(s.memory_bytes.total), "bytes");
    gauge("memory_available_bytes", "Memory available to programs.", bytes(s.memory_bytes.available),
          "bytes");
    gauge("swap_total_bytes", "Swap space.", bytes(s.memory_bytes.swap_total), "bytes");
    gauge("swap_free_bytes", "Swap space not used.", bytes(s.memory_bytes.swap_free), "bytes");
    gauge("uptime_seconds", "Since the machine started.", s.uptime_s, "seconds");
    constexpr std::string_view minutes[] = {"1", "5", "15"};
    for (std::size_t i = 0; i < s.load.size(); ++i)
        record({"load_average",
                "gauge",
                "Average number of running and waiting processes over this many minutes.",
                {},
                "minutes"},
               s.load[i], minutes[i]);
    for (const Usage& u : s.filesystems) {
        record({"filesystem_stuck", "gauge", "1: it does not respond.", {}, "mount"}, u.stuck, u.point);
        if (u.total == 0) continue;
        record({"filesystem_total_bytes", "gauge", "Size of the filesystem.", "bytes", "mount"},
               bytes(u.total), u.point);
        record({"filesystem_free_bytes", "gauge", "Space available to programs.", "bytes", "mount"},
               bytes(u.available), u.point);
    }
    for (const Rate& r : s.interfaces) {
        record({"network_received_bytes_total", "counter", "Received.", "bytes", "interface"},
               bytes(r.in_bytes), r.name);
        record({"network_sent_bytes_total", "counter", "Sent.", "bytes", "interface"}, bytes(r.out_bytes),
               r.name);
        record({"network_errors_total", "counter", "Packets with errors.", {}, "interface"}, bytes(r.errors),
               r.name);
        record({"network_drops_total", "counter", "Packets dropped.", {}, "interface"}, bytes(r.drops),
               r.name);
    }
    for (const Rate& r : s.disks) {
        record({"disk_read_bytes_total", "counter", "Read.", "bytes", "device"}, bytes(r.in_bytes), r.name);
        record({"disk_written_bytes_total", "counter", "Written.", "bytes", "device"}, bytes(r.out_bytes),
               r.name);
        record({"disk_busy_percent", "gauge", "Share of the time it was busy.", {}, "device"}, r.busy,
               r.name);
    }
}

void Exporter::log_lines(std::uint64_t forwarded, std::uint64_t dropped)
{
    record({"log_lines_forwarded_total", "counter", "Log lines handed to the host for servers.", {}, {}},
           static_cast<double>(forwarded - forwarded_));
    record({"log_lines_dropped_total",
            "counter",
            "Log lines dropped because of the rate limit, or lost.",
            {},
            {}},
           static_cast<double>(dropped - dropped_));
    forwarded_ = forwarded;
    dropped_ = dropped;
}

} // namespace agenthost::telemetry
