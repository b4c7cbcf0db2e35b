#include "metrics.hpp"

#include <charconv>
#include <functional>
#include <map>
#include <optional>

namespace agenthost::hub {

namespace {

constexpr std::string_view prefix = "agenthost_hub_server_";

std::string escaped(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out;
}

std::string shown(double value)
{
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    return {text, end};
}

std::optional<double> as_double(const auto& value)
{
    return value ? std::optional{static_cast<double>(*value)} : std::nullopt;
}

struct Series {
    std::string_view name, type, help;
    std::function<std::optional<double>(const ServerRecord&)> value;
};

void write_head(std::string& out, const Series& series)
{
    const std::string name = std::string{prefix}.append(series.name);
    out.append("# HELP ").append(name).append(" ").append(series.help).append("\n# TYPE ");
    out.append(name).append(" ").append(series.type).append("\n");
}

} // namespace

std::string server_metrics(const ServerBook& book, const ServerBook::View& view, std::size_t most)
{
    const std::vector<Series> all{
        {"up", "gauge", "1: running",
         [](const ServerRecord& s) { return std::optional<double>{s.status == "running" ? 1 : 0}; }},
        {"healthy", "gauge", "1: nothing is wrong with it",
         [&](const ServerRecord& s) {
             return std::optional<double>{health_of(s, view.online(s.agent), view.now).healthy ? 1 : 0};
         }},
        {"cpu_percent", "gauge", "Percent of one core", [](const ServerRecord& s) { return s.usage.cpu; }},
        {"memory_bytes", "gauge", "Memory in use",
         [](const ServerRecord& s) { return as_double(s.usage.memory); }},
        {"memory_limit_bytes", "gauge", "Memory that it may use",
         [](const ServerRecord& s) {
             return as_double(s.usage.memory_limit ? s.usage.memory_limit : s.limits.memory);
         }},
        {"disk_bytes", "gauge", "Disk in use", [](const ServerRecord& s) { return as_double(s.usage.disk); }},
        {"sent_bytes_total", "counter", "Bytes sent",
         [](const ServerRecord& s) { return as_double(s.usage.sent); }},
        {"received_bytes_total", "counter", "Bytes received",
         [](const ServerRecord& s) { return as_double(s.usage.received); }},
        {"players", "gauge", "Players online",
         [](const ServerRecord& s) { return as_double(s.usage.players); }},
        {"crashes_total", "counter", "Crashes since the hub started",
         [](const ServerRecord& s) { return std::optional{static_cast<double>(s.crashes)}; }},
    };
    const auto servers = book.page({}, view, {}, most);
    std::string out;
    for (const Series& series : all) {
        write_head(out, series);
        for (const ServerRecord* server : servers.servers) {
            const auto value = series.value(*server);
            if (!value) continue;
            out.append(prefix).append(series.name).append("{agent=\"").append(escaped(server->agent));
            out.append("\",server=\"").append(escaped(server->id)).append("\"} ").append(shown(*value)) +=
                '\n';
        }
    }
    const auto total = [&](std::string_view name, std::string_view help, double value) {
        write_head(out, {name, "gauge", help, {}});
        out.append(prefix).append(name).append(" ").append(shown(value)) += '\n';
    };
    total("known", "Servers that the hub knows", static_cast<double>(servers.total));
    total("not_shown", "Of these, servers without a series here",
          static_cast<double>(servers.total - servers.servers.size()));
    return out;
}

} // namespace agenthost::hub
