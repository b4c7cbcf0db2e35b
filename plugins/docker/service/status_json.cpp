#include "status_json.hpp"

#include "events_json.hpp"

#include "plugins/docker/engine/stats.hpp"
#include "plugins/docker/spec/server_plan.hpp"

#include "base/iso8601.hpp"
#include "base/json_writer.hpp"

#include <chrono>

namespace agenthost::docker::service {

namespace {

void write_usage(base::JsonWriter& json, const Usage& usage, const Limits& limits)
{
    json.member("cpu", rounded(usage.cpu_percent));
    json.object("memory").member("used", engine::mebibytes(usage.memory));
    if (!limits.memory_text.empty())
        json.member("available", limits.memory_text);
    else if (usage.memory_limit > 0)
        json.member("available", engine::mebibytes(usage.memory_limit));
    json.end();
    json.object("network").member("tx", usage.network_tx).member("rx", usage.network_rx).end();
}

void write_resources(base::JsonWriter& json, ServerShell& server, const std::optional<DiskUse>& disk)
{
    const Usage* const usage = server.measure();
    if (usage == nullptr && !disk) return;
    json.object("resources");
    if (usage != nullptr) write_usage(json, *usage, server.spec().limits);
    if (disk) {
        json.object("disk").member("used", engine::mebibytes(disk->used));
        if (disk->max > 0) json.member("available", engine::mebibytes(disk->max));
        json.member("countedBy", disk->exact ? "kernel" : "agent");
        json.end();
    }
    json.end();
}

void write_state(base::JsonWriter& json, const ServerShell& server)
{
    json.member("status", server::to_string(server.state()));
    if (server.record().action > 0) json.member("actionNumber", server.record().action);
    const ContainerView& view = server.view();
    if (!view.id.empty()) json.member("containerId", view.id);
    if (view.running && view.started_ns > 0) {
        const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
            std::chrono::system_clock::now().time_since_epoch());
        json.member("uptime", std::max<std::int64_t>(0, (now.count() - view.started_ns) / 1'000'000'000));
    }
    if (server.engine_away()) json.member("engine", "away");
    if (const auto percent = server.pulling()) json.member("pulling", *percent);
    const server::Record& record = server.record();
    json.member("desired", record.wants_running ? "running" : "offline");
    if (const std::string standstill = server.standstill(); !standstill.empty())
        json.member("paused", true)
            .object("error")
            .member("code", code::docker_error)
            .member("message", standstill)
            .end();
    else if (!record.fault.code.empty() && record.run.empty())
        json.object("error").member("code", record.fault.code).member("message", record.fault.message).end();
}

void write_limits(base::JsonWriter& json, const Limits& limits, const NodePolicy& policy)
{
    json.object("limits");
    if (limits.memory_text.empty())
        json.member("memory", engine::mebibytes(policy.default_memory));
    else
        json.member("memory", limits.memory_text);
    if (const auto cpus = limits.nano_cpus.value_or(policy.default_nano_cpus); cpus != 0)
        json.member("cpu", static_cast<double>(cpus) / 1e9);
    if (const auto disk = limits.disk.value_or(policy.default_disk); disk != 0) json.member("disk", disk);
    json.end();
}

void write_listed(base::JsonWriter& json, const ServerShell& server, const NodePolicy& policy)
{
    const ServerSpec& spec = server.spec();
    json.object().member("serverId", spec.id);
    if (!spec.name.empty()) json.member("name", spec.name);
    write_state(json, server);
    json.member("image", spec.image.canonical());
    write_limits(json, spec.limits, policy);
    json.object("ports");
    for (const PortMapping& port : spec.ports)
        json.member(std::to_string(port.container) + (port.transport == Transport::udp ? "/udp" : ""),
                    port.host);
    json.end().end();
}

} // namespace

std::string status_json(ServerShell& server, const std::optional<DiskUse>& disk)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("serverId", server.spec().id);
    if (!server.spec().name.empty()) json.member("name", server.spec().name);
    write_state(json, server);
    write_resources(json, server, disk);
    if (const Players* const players = server.players())
        json.object("players")
            .member("online", players->online)
            .member("max", players->max)
            .member("list", players->list)
            .end();
    json.end();
    return out;
}

std::string list_json(const Fleet& fleet, const ListQuestion& question, const NodeReport& node)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().array("servers");
    const NodePolicy& policy = fleet.node().policy;
    auto at = fleet.servers().upper_bound(question.after);
    std::string_view last;
    for (std::size_t i = 0; i < question.limit && at != fleet.servers().end(); ++i, ++at) {
        last = at->first;
        write_listed(json, *at->second, policy);
    }
    json.end();
    if (at != fleet.servers().end()) json.member("next", last);
    if (const auto& engine = fleet.engine())
        json.object("engine")
            .member("name", engine->podman ? "podman" : "docker")
            .member("version", engine->version)
            .member("away", fleet.away())
            .end();
    json.key("node");
    write_node(json, policy, fleet.ledger(), fleet.engine(), node);
    json.end();
    return out;
}

std::string page_json(const std::string& id, const console::Page& page)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("serverId", id).array("lines");
    for (const console::Entry& entry : page.entries) {
        json.object().member("position", entry.position);
        if (entry.stamp_ns > 0) json.member("timestamp", base::iso8601(entry.stamp_ns / 1'000'000));
        json.member("stream", console::to_string(entry.stream));
        if (entry.continues) json.member("continues", true);
        json.member("message", entry.text).end();
    }
    json.end().member("first", page.first).member("next", page.next).member("end", page.end).end();
    return out;
}

} // namespace agenthost::docker::service
