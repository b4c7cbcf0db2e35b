#include "record.hpp"

#include "base/units.hpp"

namespace agenthost::hub {

namespace {

void write_limits(base::JsonWriter& json, const Limits& limits)
{
    if (!limits.memory && !limits.disk && !limits.milli_cpus) return;
    json.object("limits");
    if (limits.memory) json.member("memory", base::format_size(*limits.memory));
    if (limits.milli_cpus) json.member("cpu", format_cpus(*limits.milli_cpus));
    if (limits.disk) json.member("disk", base::format_size(*limits.disk));
    json.end();
}

// In the units of the protocol: cpu in percent of one core, sizes in bytes.
void write_usage(base::JsonWriter& json, const ServerUsage& usage)
{
    if (usage.at == 0) return;
    json.object("resources").member("at", usage.at);
    if (usage.cpu) json.member("cpu", *usage.cpu);
    if (usage.memory) json.member("memory", *usage.memory);
    if (usage.memory_limit) json.member("memoryLimit", *usage.memory_limit);
    if (usage.memory_percent) json.member("memoryPercent", *usage.memory_percent);
    if (usage.disk) json.member("disk", *usage.disk);
    if (usage.disk_percent) json.member("diskPercent", *usage.disk_percent);
    if (usage.sent) json.member("tx", *usage.sent);
    if (usage.received) json.member("rx", *usage.received);
    json.end();
    if (!usage.players) return;
    json.object("players").member("online", *usage.players);
    if (usage.max_players) json.member("max", *usage.max_players);
    json.end();
}

} // namespace

ServerHealth health_of(const ServerRecord& server, bool online, std::int64_t now)
{
    const auto ill = [](std::string why) { return ServerHealth{false, std::move(why)}; };
    const std::string because = server.fault.message.empty() ? std::string{} : ": " + server.fault.message;
    if (!online) return ill("its agent is not connected");
    if (server.status == "crashed") return ill("it crashed" + because);
    if (server.status == "install_failed") return ill("its installation failed" + because);
    if (server.status == "stuck") return ill("the container engine does not carry out what it is asked" + because);
    const bool late = now - server.changed > start_grace_ms;
    if (server.desired == DesiredState::running && server.status == "offline" && late)
        return ill("it should run and is offline" + because);
    return {};
}

void write_server(base::JsonWriter& json, const ServerRecord& server, bool online, std::int64_t now)
{
    json.object().member("agent", server.agent).member("serverId", server.id);
    if (!server.name.empty()) json.member("name", server.name);
    if (!server.image.empty()) json.member("image", server.image);
    json.member("status", server.status.empty() ? std::string_view{"unknown"} : server.status);
    json.member("agentStatus", online ? "online" : "offline");
    if (server.desired != DesiredState::none) json.member("desired", to_string(server.desired));
    const ServerHealth health = health_of(server, online, now);
    json.member("healthy", health.healthy);
    if (!health.healthy) json.member("reason", health.reason);
    if (!server.container_id.empty()) json.member("containerId", server.container_id);
    write_limits(json, server.limits);
    if (!server.ports.empty()) {
        json.array("ports");
        for (const HostPort& port : server.ports) json.value(to_string(port));
        json.end();
    }
    write_usage(json, server.usage);
    if (!server.fault.code.empty()) {
        json.object("error").member("code", server.fault.code).member("message", server.fault.message);
        json.end();
    }
    if (server.crashes > 0) json.member("crashes", server.crashes);
    if (server.changed > 0) json.member("changed", server.changed);
    if (server.seen > 0) json.member("seen", server.seen);
    json.end();
}

} // namespace agenthost::hub
