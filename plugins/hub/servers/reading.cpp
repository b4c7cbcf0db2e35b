#include "reading.hpp"

#include "base/json_depth.hpp"
#include "plugins/hub/store/model.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace agenthost::hub {

namespace {

using nlohmann::json;

constexpr std::size_t max_word = 32, max_message = 1024, max_patterns = 256;
// Of one server; a range of many ports is a few bytes.
constexpr std::size_t max_listed_ports = 64;

const json* member(const json& object, const char* key)
{
    if (!object.is_object()) return nullptr;
    const auto at = object.find(key);
    return at == object.end() || at->is_null() ? nullptr : &*at;
}

std::string text(const json& object, const char* key, std::size_t max)
{
    const json* value = member(object, key);
    if (value == nullptr || !value->is_string()) return {};
    const auto& found = value->get_ref<const std::string&>();
    return found.size() > max ? std::string{} : found;
}

std::optional<double> number(const json& object, const char* key)
{
    const json* value = member(object, key);
    if (value == nullptr || !value->is_number()) return std::nullopt;
    const double found = value->get<double>();
    return std::isfinite(found) ? std::optional{found} : std::nullopt;
}

// A number of bytes, or a size such as "2048m".
std::optional<std::uint64_t> bytes(const json& object, const char* key)
{
    const json* value = member(object, key);
    if (value == nullptr) return std::nullopt;
    if (value->is_string()) return parse_bytes(value->get_ref<const std::string&>());
    if (value->is_number_unsigned()) return value->get<std::uint64_t>();
    const auto found = number(object, key);
    return found && *found >= 0 && *found < 9e18 ? std::optional{static_cast<std::uint64_t>(*found)}
                                                 : std::nullopt;
}

std::uint64_t action_number(const json& object)
{
    const json* value = member(object, "actionNumber");
    return value != nullptr && value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
}

std::optional<std::uint32_t> cpus(const json& object, const char* key)
{
    const json* value = member(object, key);
    if (value == nullptr) return std::nullopt;
    return value->is_string()   ? parse_milli_cpus(value->get_ref<const std::string&>())
           : value->is_number() ? parse_milli_cpus(value->dump())
                                : std::nullopt;
}

template <class To, class From> void take(To& to, const From& from)
{
    if (from) to = *from;
}

void read_usage(const json& from, std::int64_t now, ServerUsage& usage)
{
    const json* memory = member(from, "memory");
    const json* disk = member(from, "disk");
    const json* network = member(from, "network");
    const auto cpu = number(from, "cpu");
    if (memory == nullptr && disk == nullptr && network == nullptr && !cpu) return;
    usage.at = now;
    take(usage.cpu, cpu);
    if (memory != nullptr) {
        take(usage.memory, bytes(*memory, "used"));
        take(usage.memory_limit, bytes(*memory, "available"));
        take(usage.memory_percent, number(*memory, "percentage"));
    }
    if (disk != nullptr) {
        take(usage.disk, bytes(*disk, "used"));
        take(usage.disk_percent, number(*disk, "percentage"));
    }
    if (network != nullptr) {
        take(usage.sent, bytes(*network, "tx"));
        take(usage.received, bytes(*network, "rx"));
    }
}

void read_players(const json& from, ServerUsage& usage)
{
    const json* players = member(from, "players");
    if (players == nullptr) return;
    const auto whole = [&](const char* key) -> std::optional<std::uint32_t> {
        const auto value = number(*players, key);
        if (!value || *value < 0 || *value > 1e9) return std::nullopt;
        return static_cast<std::uint32_t>(*value);
    };
    usage.players = whole("online");
    usage.max_players = whole("max");
}

void set_status(std::string status, std::int64_t now, ServerRecord& server)
{
    if (status.empty()) return;
    if (status != server.status) {
        server.changed = now;
        if (status == "crashed" && now - server.crashed > 1'000) {
            ++server.crashes;
            server.crashed = now;
        }
        // Figures of a container that is gone.
        if (status == "offline" || status == "crashed") {
            server.usage.cpu.reset();
            server.usage.memory.reset();
            server.usage.players.reset();
        }
        if (ends_fault(status)) server.fault = {};
    }
    server.status = std::move(status);
}

void read_fault(const json& from, ServerRecord& server)
{
    const json* error = member(from, "error");
    if (error == nullptr || !error->is_object()) return;
    server.fault = {text(*error, "code", max_word * 2), text(*error, "message", max_message)};
}

void apply_status(const json& from, std::int64_t now, ServerRecord& server)
{
    server.seen = now;
    server.action = action_number(from);
    set_status(text(from, "status", max_word), now, server);
    if (auto id = text(from, "containerId", 128); !id.empty()) server.container_id = std::move(id);
    if (auto name = text(from, "name", max_server_name); !name.empty()) server.name = std::move(name);
    if (auto image = text(from, "image", max_image); !image.empty()) server.image = std::move(image);
    if (const json* resources = member(from, "resources")) read_usage(*resources, now, server.usage);
    read_players(from, server.usage);
    read_fault(from, server);
    const json* limits = member(from, "limits");
    if (limits == nullptr) return;
    take(server.limits.memory, bytes(*limits, "memory"));
    take(server.limits.disk, bytes(*limits, "disk"));
    take(server.limits.milli_cpus, cpus(*limits, "cpu"));
}

// {"25565": 25565, "19132/udp": "192.0.2.1:19132"}, or ["25565/tcp", 19132].
std::vector<HostPort> read_ports(const json* given, std::size_t most)
{
    std::vector<HostPort> ports;
    if (given == nullptr) return ports;
    const auto one = [&](const json& value, bool udp) {
        const std::string host = value.is_string() ? value.get<std::string>() : value.dump();
        parse_host_ports(host, udp, ports);
    };
    if (given->is_array())
        for (const json& value : *given) one(value, false);
    if (given->is_object())
        for (const auto& [key, value] : given->items()) one(value, key.ends_with("/udp"));
    if (ports.size() > most) ports.resize(most);
    ports.shrink_to_fit();
    return ports;
}

Capacity read_capacity(const json& from)
{
    Capacity out;
    out.memory = bytes(from, "maxMemory");
    out.milli_cpus = cpus(from, "maxCpuCores");
    out.disk = bytes(from, "maxDisk");
    out.disk_free = bytes(from, "freeDisk");
    if (const json* ports = member(from, "ports"); ports != nullptr && ports->is_array()) {
        for (const json& value : *ports) {
            const std::string span = value.is_string() ? value.get<std::string>() : value.dump();
            const auto dash = span.find('-');
            std::vector<HostPort> first, last;
            if (out.ports.size() >= max_patterns || !parse_host_ports(span.substr(0, dash), false, first) ||
                !parse_host_ports(dash == std::string::npos ? span : span.substr(dash + 1), false, last))
                continue;
            out.ports.push_back({first[0].port, last[0].port});
        }
    }
    if (const json* images = member(from, "images"); images != nullptr && images->is_array()) {
        out.images.emplace();
        for (const json& value : *images)
            if (value.is_string() && value.get_ref<const std::string&>().size() <= max_image &&
                out.images->size() < max_patterns)
                out.images->push_back(value.get<std::string>());
    }
    return out;
}

bool names_docker(const json* list)
{
    return list != nullptr && list->is_array() &&
           std::find(list->begin(), list->end(), "docker") != list->end();
}

std::optional<bool> away_of(const json& engine)
{
    const json* away = member(engine, "away");
    return away != nullptr && away->is_boolean() ? std::optional{away->get<bool>()} : std::nullopt;
}

} // namespace

bool ends_fault(std::string_view status)
{
    return status == "running" || status == "starting" || status == "installing";
}

std::optional<bool> read_engine_away(std::string_view data) { return away_of(base::parse_json<json>(data)); }

std::optional<ServerList> read_list(std::string_view data)
{
    const json from = base::parse_json<json>(data);
    const json* servers = member(from, "servers");
    if (servers == nullptr || !servers->is_array()) return std::nullopt;
    ServerList out;
    for (const json& one : *servers) {
        if (out.servers.size() >= max_list_page) break;
        ServerRecord server;
        server.id = text(one, "serverId", 128);
        if (server.id.empty()) server.id = text(one, "id", 128);
        if (!valid_id(server.id)) continue;
        apply_status(one, 0, server);
        server.ports = read_ports(member(one, "ports"), max_listed_ports);
        out.servers.push_back(std::move(server));
    }
    out.next = text(from, "next", 256);
    if (const json* engine = member(from, "engine")) out.engine_away = away_of(*engine).value_or(false);
    const json* node = member(from, "node");
    if (node == nullptr) return out;
    out.capacity = read_capacity(*node);
    for (const HostPort& port : read_ports(member(*node, "usedPorts"), max_host_ports))
        out.used.push_back({port, {}});
    return out;
}

void read_status(std::string_view data, std::int64_t now, ServerRecord& server)
{
    const json from = base::parse_json<json>(data);
    if (from.is_object()) apply_status(from, now, server);
}

std::string_view short_topic(std::string_view topic)
{
    constexpr std::string_view plugin = "docker.";
    return topic.starts_with(plugin) ? topic.substr(plugin.size()) : topic;
}

bool is_server_topic(std::string_view topic)
{
    topic = short_topic(topic);
    return topic.starts_with("server_") || topic == "resource_update";
}

bool read_event(std::string_view topic, std::string_view data, std::int64_t now, ServerRecord& server)
{
    topic = short_topic(topic);
    if (topic == "server_log") {
        server.seen = now;
        return false;
    }
    const json from = base::parse_json<json>(data);
    if (!from.is_object()) return false;
    server.seen = now;
    if (topic == "resource_update") {
        read_usage(from, now, server.usage);
        read_players(from, server.usage);
        return true;
    }
    if (topic.starts_with("server_crash") && now - server.crashed > 1'000) {
        ++server.crashes;
        server.crashed = now;
    }
    if (topic == "server_status_changed") {
        set_status(text(from, "currentStatus", max_word), now, server);
        server.told = now;
        server.action = action_number(from);
    }
    read_fault(from, server);
    return topic == "server_status_changed" || topic.starts_with("server_crash");
}

Capabilities read_capabilities(std::string_view text_of)
{
    const json from = base::parse_json<json>(text_of);
    if (from.is_array()) return {.servers = names_docker(&from)};
    Capabilities out{.capacity = read_capacity(from)};
    out.servers = !text(from, "dockerVersion", 64).empty() || names_docker(member(from, "features"));
    return out;
}

NodeReport read_heartbeat(std::string_view facts)
{
    const json from = base::parse_json<json>(facts);
    NodeReport out{.status = text(from, "agent_status", max_word)};
    if (const json* load = member(from, "system_load"))
        out.load = {number(*load, "cpu"), number(*load, "memory"), number(*load, "disk")};
    return out;
}

} // namespace agenthost::hub
