#include "config.hpp"

#include "kit/json_depth.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace agenthost::hub {

namespace {

using nlohmann::json;

std::uint64_t scaled(std::string_view text, const auto& units, const char* what)
{
    std::uint64_t number = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    if (bad == std::errc{}) {
        for (const auto& [name, factor] : units) {
            if (unit == name && number <= UINT64_MAX / factor) return number * factor;
        }
    }
    throw std::invalid_argument{"\"" + std::string{text} + "\" is not a " + what};
}

Secret secret(const json& value)
{
    for (const auto& [key, kind] :
         {std::pair{"file", Secret::Kind::file}, std::pair{"env", Secret::Kind::env},
          std::pair{"systemd", Secret::Kind::systemd}}) {
        if (value.contains(key)) return {kind, value.at(key).get<std::string>()};
    }
    throw std::invalid_argument{R"(a secret is written as {file: PATH}, {env: NAME} or {systemd: NAME})"};
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

std::string text_of(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

} // namespace

std::uint64_t parse_size(std::string_view text)
{
    static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 11> units{{{"", 1},
                                                                                       {"B", 1},
                                                                                       {"KB", 1ULL << 10},
                                                                                       {"KiB", 1ULL << 10},
                                                                                       {"MB", 1ULL << 20},
                                                                                       {"MiB", 1ULL << 20},
                                                                                       {"GB", 1ULL << 30},
                                                                                       {"GiB", 1ULL << 30},
                                                                                       {"TB", 1ULL << 40},
                                                                                       {"TiB", 1ULL << 40},
                                                                                       {"b", 1}}};
    return scaled(text, units, "size; write it as 4096, 64KiB or 10GiB");
}

milliseconds parse_duration(std::string_view text)
{
    static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 6> units{
        {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
    const std::uint64_t ms = scaled(text, units, "duration; write it as 500ms, 30s, 10m, 24h or 7d");
    if (ms > std::uint64_t{366} * 86'400'000)
        throw std::invalid_argument{"\"" + std::string{text} + "\" is longer than a year"};
    return milliseconds{ms};
}

Config parse_config(std::string_view text, const std::string& state_dir)
{
    const json root = text.empty() ? json::object() : kit::parse_json<json>(text);
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
                c.ping_interval = parse_duration(text_of(value));
            else if (k == "spool")
                c.spool = below(state_dir, value.get<std::string>());
            else if (k == "spool_bytes")
                c.spool_bytes = parse_size(text_of(value));
            else if (k == "reserve_free")
                c.reserve_free = parse_size(text_of(value));
            else if (k == "max_file")
                c.max_file = parse_size(text_of(value));
            else if (k == "task_ttl")
                c.task_ttl = parse_duration(text_of(value));
            else if (k == "task_warning")
                c.task_warning = parse_duration(text_of(value));
            else if (k == "transfer_ttl")
                c.transfer_ttl = parse_duration(text_of(value));
            else if (k == "agent_grace")
                c.agent_grace = parse_duration(text_of(value));
            else if (k == "reader_grace")
                c.reader_grace = parse_duration(text_of(value));
            else if (k == "in_flight")
                c.in_flight = value.get<std::uint32_t>();
            else if (k == "agent_queue")
                c.agent_queue = value.get<std::uint32_t>();
            else if (k == "open_tasks")
                c.open_tasks = value.get<std::uint32_t>();
            else if (k == "open_bytes")
                c.open_bytes = parse_size(text_of(value));
            else if (k == "redispatch")
                c.redispatch = value.get<decltype(c.redispatch)>();
            else if (k == "stream_after")
                c.stream_after = parse_duration(text_of(value));
            else if (k == "min_rate")
                c.min_rate = parse_size(text_of(value));
            else if (k == "task_rows")
                c.task_rows = value.get<std::uint32_t>();
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
