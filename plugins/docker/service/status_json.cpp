#include "status_json.hpp"

#include "events_json.hpp"

#include "plugins/docker/engine/stats.hpp"
#include "plugins/docker/spec/server_plan.hpp"

#include "base/iso8601.hpp"
#include "base/json_writer.hpp"

#include <chrono>

namespace agenthost::docker::service {

namespace {

void write_resources(base::JsonWriter& json, ServerShell& server)
{
    const Usage* const usage = server.measure();
    if (usage == nullptr) return;
    const Limits& limits = server.spec().limits;
    json.object("resources").member("cpu", rounded(usage->cpu_percent));
    json.object("memory").member("used", engine::mebibytes(usage->memory));
    if (!limits.memory_text.empty())
        json.member("available", limits.memory_text);
    else if (usage->memory_limit > 0)
        json.member("available", engine::mebibytes(usage->memory_limit));
    json.end();
    json.object("network").member("tx", usage->network_tx).member("rx", usage->network_rx).end().end();
}

void write_state(base::JsonWriter& json, const ServerShell& server)
{
    json.member("status", server::to_string(server.state()));
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
    if (!record.fault.code.empty() && record.run.empty())
        json.object("error").member("code", record.fault.code).member("message", record.fault.message).end();
}

} // namespace

std::string status_json(ServerShell& server)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("serverId", server.spec().id);
    if (!server.spec().name.empty()) json.member("name", server.spec().name);
    write_state(json, server);
    write_resources(json, server);
    if (const Players* const players = server.players())
        json.object("players")
            .member("online", players->online)
            .member("max", players->max)
            .member("list", players->list)
            .end();
    json.end();
    return out;
}

std::string list_json(const Fleet& fleet)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().array("servers");
    for (const auto& [id, server] : fleet.servers()) {
        const ServerSpec& spec = server->spec();
        json.object().member("serverId", id);
        if (!spec.name.empty()) json.member("name", spec.name);
        write_state(json, *server);
        json.member("image", spec.image.canonical()).object("ports");
        for (const PortMapping& port : spec.ports)
            json.member(std::to_string(port.container) + (port.transport == Transport::udp ? "/udp" : ""),
                        port.host);
        json.end().end();
    }
    json.end();
    if (const auto& engine = fleet.engine())
        json.object("engine")
            .member("name", engine->podman ? "podman" : "docker")
            .member("version", engine->version)
            .member("away", fleet.away())
            .end();
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
