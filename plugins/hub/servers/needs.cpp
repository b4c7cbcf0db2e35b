#include "needs.hpp"

#include "base/json_depth.hpp"
#include "base/units.hpp"
#include "plugins/hub/store/model.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace agenthost::hub {

namespace {

using Json = nlohmann::ordered_json; // the first image and the first port of an egg are the default ones

constexpr double max_cpus = 4096;

// Throws what is wrong.
struct Wrong {
    std::string text;
};

std::string shown(const Json& value)
{
    std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > 64) text = text.substr(0, 61) + "...";
    return text;
}

const Json* member(const Json& object, const char* key)
{
    if (!object.is_object()) return nullptr;
    const auto at = object.find(key);
    return at == object.end() || at->is_null() ? nullptr : &*at;
}

std::string text_of(const Json* value, std::size_t max)
{
    if (value == nullptr || !value->is_string()) return {};
    const auto& text = value->get_ref<const std::string&>();
    return text.size() > max ? std::string{} : text;
}

// A number as text; a string unchanged.
std::string scalar(const Json& value)
{
    if (value.is_string()) return value.get<std::string>();
    return value.is_number() ? value.dump() : std::string{};
}

std::string read_image(const Json& config, const Json& egg)
{
    std::string image = text_of(member(config, "image"), max_image);
    const Json* images = member(egg, "docker_images");
    if (images == nullptr || !images->is_object() || images->empty()) return image;
    if (image.empty()) return text_of(&images->front(), max_image);
    const std::string named = text_of(member(*images, image.c_str()), max_image);
    return named.empty() ? image : named;
}

Limits read_limits(const Json& config)
{
    Limits limits;
    const Json* given = member(config, "limits");
    if (given == nullptr) return limits;
    if (!given->is_object()) throw Wrong{"eggConfig.limits is not an object"};
    const auto size = [&](const char* key) -> std::optional<std::uint64_t> {
        const Json* value = member(*given, key);
        if (value == nullptr) return std::nullopt;
        const auto bytes = parse_bytes(scalar(*value));
        if (!bytes)
            throw Wrong{std::string{"eggConfig.limits."} + key + ": " + shown(*value) +
                        " is not a size such as \"2048m\" or \"5g\""};
        return bytes;
    };
    limits.memory = size("memory");
    limits.disk = size("disk");
    if (const Json* cpu = member(*given, "cpu")) {
        limits.milli_cpus = parse_milli_cpus(scalar(*cpu));
        if (!limits.milli_cpus)
            throw Wrong{"eggConfig.limits.cpu: " + shown(*cpu) +
                        " is not a number of cores such as \"2\" or \"0.5\""};
    }
    return limits;
}

void read_host_side(const std::string& inside, const Json& value, bool udp, std::vector<HostPort>& to)
{
    std::string host = scalar(value);
    if (value.is_object()) {
        const Json* port = member(value, "port");
        host = port == nullptr ? std::string{} : scalar(*port);
        const std::string bind = text_of(member(value, "bind"), 64);
        if (!bind.empty()) host.insert(0, bind + ":");
    }
    const std::size_t before = to.size();
    if (!parse_host_ports(host, udp, to))
        throw Wrong{"eggConfig.ports[\"" + inside.substr(0, 32) + "\"]: " + shown(value) +
                    " is not a port from 1 to 65535, such as 25565 or \"192.0.2.1:25565\""};
    // A range of the container that begins at one port of the host.
    const auto dash = inside.find('-');
    std::vector<HostPort> span;
    if (dash == std::string::npos || to.size() != before + 1 || !parse_host_ports(inside, udp, span)) return;
    const HostPort first = to.back();
    for (std::size_t i = 1; i < span.size() && first.port + i <= 65'535 && to.size() < max_host_ports; ++i)
        to.push_back({static_cast<std::uint16_t>(first.port + i), udp, first.bind});
}

std::vector<HostPort> read_ports(const Json& config)
{
    std::vector<HostPort> ports;
    const Json* given = member(config, "ports");
    if (given == nullptr || (given->is_array() && given->empty())) return ports;
    if (!given->is_object()) throw Wrong{"eggConfig.ports is not an object such as {\"25565\": 25565}"};
    for (const auto& [key, value] : given->items()) {
        const auto slash = key.find('/');
        const std::string transport = slash == std::string::npos ? "tcp" : key.substr(slash + 1);
        if (transport != "tcp" && transport != "udp")
            throw Wrong{"eggConfig.ports: \"" + key.substr(0, 32) + "\" is neither tcp nor udp"};
        read_host_side(key.substr(0, slash), value, transport == "udp", ports);
    }
    return ports;
}

ServerNeeds read(const Json& params)
{
    if (!params.is_object()) throw Wrong{"the parameters are not an object"};
    const Json* id = member(params, "serverId");
    ServerNeeds needs;
    needs.id = text_of(id, 64);
    if (id != nullptr && !valid_server_id(needs.id))
        throw Wrong{
            "serverId: " + shown(*id) +
            " is not 1 to 64 letters, digits, \"_\", \".\" and \"-\" that begin with a letter or digit"};
    const Json* config = member(params, "eggConfig");
    if (config == nullptr || !config->is_object())
        throw Wrong{"eggConfig is missing; it is an object with image, ports, environment, limits, startup"};
    const Json* inner = member(*config, "egg");
    const Json& egg = inner != nullptr && inner->is_object() ? *inner : *config;
    needs.name = text_of(member(params, "name"), max_server_name);
    if (needs.name.empty()) needs.name = text_of(member(*config, "name"), max_server_name);
    if (needs.name.empty()) needs.name = text_of(member(egg, "name"), max_server_name);
    needs.image = read_image(*config, egg);
    if (needs.image.empty()) throw Wrong{"eggConfig.image is missing; it names a container image"};
    needs.limits = read_limits(*config);
    needs.ports = read_ports(*config);
    return needs;
}

bool number(std::string_view text, std::uint16_t& out)
{
    unsigned value = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || bad != std::errc{} || end != text.data() + text.size()) return false;
    out = static_cast<std::uint16_t>(value);
    return value >= 1 && value <= 65'535;
}

bool any_address(std::string_view bind) { return bind.empty() || bind == "0.0.0.0" || bind == "::"; }

} // namespace

bool overlap(const HostPort& a, const HostPort& b)
{
    return a.port == b.port && a.udp == b.udp &&
           (any_address(a.bind) || any_address(b.bind) || a.bind == b.bind);
}

std::string to_string(const HostPort& p)
{
    const bool six = p.bind.find(':') != std::string::npos;
    return (p.bind.empty() ? std::string{} : (six ? "[" + p.bind + "]" : p.bind) + ":") +
           std::to_string(p.port) + (p.udp ? "/udp" : "/tcp");
}

bool valid_server_id(std::string_view id)
{
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !id.empty() && id.size() <= 64 && plain(id.front()) &&
           std::all_of(id.begin(), id.end(),
                       [&](char c) { return plain(c) || c == '_' || c == '.' || c == '-'; });
}

std::optional<ServerNeeds> read_needs(std::string_view params, std::string& why)
{
    try {
        const Json json = base::parse_json<Json>(params);
        if (json.is_discarded()) throw Wrong{"invalid JSON"};
        return read(json);
    } catch (const Wrong& wrong) {
        why = wrong.text;
        return std::nullopt;
    }
}

std::optional<std::uint64_t> parse_bytes(std::string_view text)
{
    std::string ignored;
    return text.size() > 32 ? std::nullopt : base::parse_size(text, ignored);
}

std::optional<std::uint32_t> parse_milli_cpus(std::string_view text)
{
    double cpus = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), cpus);
    if (text.empty() || bad != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (!(cpus >= 0 && cpus <= max_cpus)) return std::nullopt;
    return static_cast<std::uint32_t>(std::lround(cpus * 1000));
}

std::string format_cpus(std::uint32_t milli)
{
    std::string text = std::to_string(milli / 1000);
    if (milli % 1000 == 0) return text;
    std::string fraction = std::to_string(1000 + milli % 1000).substr(1);
    while (fraction.ends_with('0')) fraction.pop_back();
    return text + "." + fraction;
}

bool parse_host_ports(std::string_view text, bool udp, std::vector<HostPort>& to)
{
    if (text.size() > 96) return false;
    if (const auto slash = text.find('/'); slash != std::string_view::npos) {
        const std::string_view transport = text.substr(slash + 1);
        if (transport != "tcp" && transport != "udp") return false;
        udp = transport == "udp";
        text = text.substr(0, slash);
    }
    std::string bind;
    if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
        std::string_view address = text.substr(0, colon);
        if (address.size() > 2 && address.front() == '[' && address.back() == ']')
            address = address.substr(1, address.size() - 2);
        if (address.empty()) return false;
        bind = address;
        text = text.substr(colon + 1);
    }
    const auto dash = text.find('-');
    std::uint16_t first = 0, last = 0;
    if (!number(text.substr(0, dash), first)) return false;
    last = first;
    if (dash != std::string_view::npos && !number(text.substr(dash + 1), last)) return false;
    if (last < first || to.size() + (last - first + 1U) > max_host_ports) return false;
    for (unsigned port = first; port <= last; ++port)
        to.push_back({static_cast<std::uint16_t>(port), udp, bind});
    return true;
}

std::optional<std::vector<std::string>> parse_ids(std::string_view text)
{
    constexpr std::size_t max_ids = 1'000;
    const Json list = base::parse_json<Json>(text);
    if (!list.is_array() || list.size() > max_ids) return std::nullopt;
    std::vector<std::string> ids;
    for (const Json& id : list) {
        if (!id.is_string() || !valid_id(id.get_ref<const std::string&>())) return std::nullopt;
        ids.push_back(id.get<std::string>());
    }
    return ids;
}

} // namespace agenthost::hub
