#include "config.hpp"

#include "base/json_depth.hpp"
#include "base/json_units.hpp"

#include <nlohmann/json.hpp>

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

} // namespace

Config parse_config(std::string_view text, const std::string& state_dir)
{
    const json root = text.empty() ? json::object() : base::parse_json<json>(text);
    if (!root.is_object()) throw std::invalid_argument{"plugins.hub.config: not a JSON object"};
    Config c;
    c.database = state_dir + "/hub.db";
    c.spool = state_dir + "/spool";
    std::string key;
    try {
        for (const auto& [k, value] : root.items()) {
            key = k;
            if (k == "listener")
                c.listener = value.get<std::string>();
            else if (k == "public_url")
                c.public_url = value.get<std::string>();
            else if (k == "database")
                c.database = below(state_dir, value.get<std::string>());
            else if (k == "credentials")
                c.credentials = below(state_dir, value.get<std::string>());
            else if (k == "admin_token")
                c.admin_token = secret(value);
            else if (k == "enroll_token")
                c.enroll_token = secret(value);
            else if (k == "jwt_secret")
                c.jwt_secret = secret(value);
            else if (k == "jwt_key")
                c.jwt_key = secret(value);
            else if (k == "trust_shop_id")
                c.trust_shop_id = value.get<bool>();
            else if (k == "allow_origins")
                c.allow_origins = origins(value);
            else if (k == "ping_interval")
                c.ping_interval = duration(value);
            else if (k == "message_bytes")
                c.message_bytes = size(value);
            else if (k == "spool")
                c.spool = below(state_dir, value.get<std::string>());
            else if (k == "spool_bytes")
                c.spool_bytes = size(value);
            else if (k == "reserve_free")
                c.reserve_free = size(value);
            else if (k == "max_file")
                c.max_file = size(value);
            else if (k == "task_ttl")
                c.task_ttl = duration(value);
            else if (k == "task_warning")
                c.task_warning = duration(value);
            else if (k == "transfer_ttl")
                c.transfer_ttl = duration(value);
            else if (k == "agent_grace")
                c.agent_grace = duration(value);
            else if (k == "reader_grace")
                c.reader_grace = duration(value);
            else if (k == "in_flight")
                c.in_flight = value.get<std::uint32_t>();
            else if (k == "agent_queue")
                c.agent_queue = value.get<std::uint32_t>();
            else if (k == "open_tasks")
                c.open_tasks = value.get<std::uint32_t>();
            else if (k == "open_bytes")
                c.open_bytes = size(value);
            else if (k == "redispatch")
                c.redispatch = value.get<decltype(c.redispatch)>();
            else if (k == "manifests")
                add_manifests(c.words, value, state_dir);
            else if (k == "stream_after")
                c.stream_after = duration(value);
            else if (k == "min_rate")
                c.min_rate = size(value);
            else if (k == "task_rows")
                c.task_rows = value.get<std::uint32_t>();
            else if (k == "result_bytes")
                c.result_bytes = size(value);
        }
    } catch (const std::exception& e) {
        throw std::invalid_argument{"plugins.hub.config." + key + ": " + e.what()};
    }
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
    return c;
}

} // namespace agenthost::hub
