#include "config.hpp"

#include "base/json_depth.hpp"
#include "base/json_units.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace agenthost::hub {

namespace {

using nlohmann::json;

Secret secret(const json& value)
{
    std::string why;
    if (auto source = base::secret_in(value, why)) return *source;
    throw std::invalid_argument{why};
}

std::uint64_t size(const json& value)
{
    std::string why;
    if (const auto bytes = base::size_in(value, why)) return *bytes;
    throw std::invalid_argument{why};
}

milliseconds duration(const json& value)
{
    std::string why;
    const auto time = base::duration_in(value, why);
    if (!time) throw std::invalid_argument{why};
    if (*time > std::chrono::days{366}) throw std::invalid_argument{value.dump() + " is longer than a year"};
    return *time;
}

std::string below(const std::string& state_dir, const std::string& path)
{
    return path.starts_with('/') ? path : state_dir + "/" + path;
}

std::vector<std::string> origins(const json& value)
{
    std::vector<std::string> out;
    for (const json& entry : value) {
        auto origin = entry.get<std::string>();
        const std::size_t scheme = origin.find("://");
        if (origin != "*" &&
            (scheme == std::string::npos || scheme == 0 ||
             origin.find('/', scheme + 3) != std::string::npos || origin.size() == scheme + 3)) {
            throw std::invalid_argument{"\"" + origin +
                                        "\" is not an origin; write for instance https://desk.example.com"};
        }
        out.push_back(std::move(origin));
    }
    return out;
}

void add_manifests(ActionWords& words, const json& paths, const std::string& state_dir)
{
    for (const json& path : paths) {
        const std::string wrong = words.add_path(below(state_dir, path.get<std::string>()));
        if (!wrong.empty()) throw std::invalid_argument{wrong};
    }
}

// What a key of plugins.hub.config sets.
struct Setting {
    std::string_view key;
    void (*set)(Config&, const json&, const std::string& state_dir);
};

using StateDir = const std::string&;

constexpr Setting settings[] = {
    {"listener", [](Config& c, const json& v, StateDir) { c.listener = v.get<std::string>(); }},
    {"public_url", [](Config& c, const json& v, StateDir) { c.public_url = v.get<std::string>(); }},
    {"database",
     [](Config& c, const json& v, StateDir dir) { c.database = below(dir, v.get<std::string>()); }},
    {"credentials",
     [](Config& c, const json& v, StateDir dir) { c.credentials = below(dir, v.get<std::string>()); }},
    {"admin_token", [](Config& c, const json& v, StateDir) { c.admin_token = secret(v); }},
    {"enroll_token", [](Config& c, const json& v, StateDir) { c.enroll_token = secret(v); }},
    {"jwt_secret", [](Config& c, const json& v, StateDir) { c.jwt_secret = secret(v); }},
    {"jwt_key", [](Config& c, const json& v, StateDir) { c.jwt_key = secret(v); }},
    {"trust_shop_id", [](Config& c, const json& v, StateDir) { c.trust_shop_id = v.get<bool>(); }},
    {"allow_origins", [](Config& c, const json& v, StateDir) { c.allow_origins = origins(v); }},
    {"ping_interval", [](Config& c, const json& v, StateDir) { c.ping_interval = duration(v); }},
    {"message_bytes", [](Config& c, const json& v, StateDir) { c.message_bytes = size(v); }},
    {"spool", [](Config& c, const json& v, StateDir dir) { c.spool = below(dir, v.get<std::string>()); }},
    {"spool_bytes", [](Config& c, const json& v, StateDir) { c.spool_bytes = size(v); }},
    {"reserve_free", [](Config& c, const json& v, StateDir) { c.reserve_free = size(v); }},
    {"max_file", [](Config& c, const json& v, StateDir) { c.max_file = size(v); }},
    {"task_ttl", [](Config& c, const json& v, StateDir) { c.task_ttl = duration(v); }},
    {"task_warning", [](Config& c, const json& v, StateDir) { c.task_warning = duration(v); }},
    {"transfer_ttl", [](Config& c, const json& v, StateDir) { c.transfer_ttl = duration(v); }},
    {"agent_grace", [](Config& c, const json& v, StateDir) { c.agent_grace = duration(v); }},
    {"reader_grace", [](Config& c, const json& v, StateDir) { c.reader_grace = duration(v); }},
    {"in_flight", [](Config& c, const json& v, StateDir) { c.in_flight = v.get<std::uint32_t>(); }},
    {"agent_queue", [](Config& c, const json& v, StateDir) { c.agent_queue = v.get<std::uint32_t>(); }},
    {"open_tasks", [](Config& c, const json& v, StateDir) { c.open_tasks = v.get<std::uint32_t>(); }},
    {"open_bytes", [](Config& c, const json& v, StateDir) { c.open_bytes = size(v); }},
    {"redispatch",
     [](Config& c, const json& v, StateDir) { c.redispatch = v.get<decltype(c.redispatch)>(); }},
    {"manifests", [](Config& c, const json& v, StateDir dir) { add_manifests(c.action_words, v, dir); }},
    {"stream_after", [](Config& c, const json& v, StateDir) { c.stream_after = duration(v); }},
    {"min_rate", [](Config& c, const json& v, StateDir) { c.min_rate = size(v); }},
    {"task_rows", [](Config& c, const json& v, StateDir) { c.task_rows = v.get<std::uint32_t>(); }},
    {"result_bytes", [](Config& c, const json& v, StateDir) { c.result_bytes = size(v); }},
};

// Throws std::invalid_argument: rules between the keys, and bounds.
void check(Config& c)
{
    if (c.jwt_secret.kind != Secret::Kind::none && c.jwt_key.kind != Secret::Kind::none) {
        throw std::invalid_argument{"plugins.hub.config: jwt_secret and jwt_key are both set. Keep "
                                    "jwt_secret for HS256 or jwt_key for RS256 or "
                                    "ES256."};
    }
    if (c.ping_interval < milliseconds{1'000} || c.ping_interval > milliseconds{600'000})
        throw std::invalid_argument{
            "plugins.hub.config.ping_interval: write 1s to 10m; the panel protocol has 30s"};
    if (c.message_bytes < (16U << 10) || c.message_bytes > (64U << 20))
        throw std::invalid_argument{
            "plugins.hub.config.message_bytes: write a size from 16KiB to 64MiB. Agents keep theirs in "
            "limits.peer_message_bytes."};
    while (c.public_url.ends_with('/')) c.public_url.pop_back();
    if (!c.public_url.empty() && !c.public_url.starts_with("http://") &&
        !c.public_url.starts_with("https://")) {
        throw std::invalid_argument{
            "plugins.hub.config.public_url: \"" + c.public_url +
            "\" is not an http:// or https:// URL; write for instance https://hub.example.com"};
    }
}

} // namespace

Config parse_config(std::string_view text, const std::string& state_dir)
{
    const json root = text.empty() ? json::object() : base::parse_json<json>(text);
    if (!root.is_object()) throw std::invalid_argument{"plugins.hub.config: not a JSON object"};
    Config c;
    c.database = state_dir + "/hub.db";
    c.spool = state_dir + "/spool";
    for (const auto& [key, value] : root.items()) {
        const auto* const setting = std::ranges::find(settings, std::string_view{key}, &Setting::key);
        if (setting == std::end(settings)) continue;
        try {
            setting->set(c, value, state_dir);
        } catch (const std::exception& e) {
            throw std::invalid_argument{"plugins.hub.config." + key + ": " + e.what()};
        }
    }
    check(c);
    return c;
}

} // namespace agenthost::hub
