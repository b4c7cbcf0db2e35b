#include "config.hpp"

#include "base/json_units.hpp"
#include "base/units.hpp"
#include "netclient/tls.hpp"

#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>

#include <stdexcept>

namespace agenthost::storage {

namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

[[noreturn]] void refuse(const char* key, const std::string& what)
{
    throw std::runtime_error{std::string{key} + ": " + what};
}

std::uint64_t size_of(const Json& config, const char* key, std::uint64_t otherwise)
{
    const auto at = config.find(key);
    if (at == config.end() || at->is_null()) return otherwise;
    std::string why;
    if (const auto size = base::size_in(*at, why)) return *size;
    refuse(key, why);
}

milliseconds duration_of(const Json& config, const char* key, milliseconds otherwise)
{
    const auto at = config.find(key);
    if (at == config.end() || at->is_null()) return otherwise;
    std::string why;
    if (const auto time = base::duration_in(*at, why)) {
        if (time->count() > 0) return *time;
        why = at->dump() + " must be longer than 0";
    }
    refuse(key, why);
}

unsigned count_of(const Json& config, const char* key, unsigned otherwise, unsigned max)
{
    const auto at = config.find(key);
    if (at == config.end() || at->is_null()) return otherwise;
    if (const auto value = json_unsigned(*at); value && *value >= 1 && *value <= max)
        return static_cast<unsigned>(*value);
    refuse(key, at->dump() + " is not a number from 1 to " + std::to_string(max));
}

} // namespace

std::string reserve_warning(const Config& config)
{
    if (config.reserve_free >= min_reserve) return {};
    const std::string least = base::format_size(min_reserve);
    return base::format_size(config.reserve_free) + " is below " + least +
           ", which the index needs to record a delete on a full disk; " + least + " stay free";
}

std::string problem_of_ca(const Config& config)
{
    if (config.ca_file.empty()) return {};
    return netclient::make_client_context({.more_ca = {config.ca_file}}).problem;
}

Config parse_config(std::string_view text, std::string_view default_path)
{
    const Json json = text.empty() ? Json::object() : Json::parse(text, nullptr, false);
    if (!json.is_object()) throw std::runtime_error{"the configuration is not a JSON object"};
    Config config;
    config.storage_path = json.value("storage_path", std::string{default_path});
    if (config.storage_path.empty() || config.storage_path.front() != '/')
        refuse("storage_path", "\"" + config.storage_path + "\" must be an absolute path");
    config.quota = size_of(json, "quota", config.quota);
    config.reserve_free = size_of(json, "reserve_free", config.reserve_free);
    config.max_transfers = count_of(json, "max_transfers", config.max_transfers, 64);
    config.queue = count_of(json, "queue", config.queue, 10'000);
    config.checksum_always = json.value("checksum", std::string{"always"}) != "declared";
    config.allow_hosts = json.value("allow_hosts", config.allow_hosts);
    config.allow_private_networks = json.value("allow_private_networks", false);
    config.ca_file = json.value("tls_ca", std::string{});
    config.connect_timeout = duration_of(json, "connect_timeout", config.connect_timeout);
    config.idle_timeout = duration_of(json, "idle_timeout", config.idle_timeout);
    config.min_rate = size_of(json, "min_rate", config.min_rate);
    config.min_rate_window = duration_of(json, "min_rate_window", config.min_rate_window);
    return config;
}

} // namespace agenthost::storage
