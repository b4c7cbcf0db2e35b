#include "config.hpp"

#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace agenthost::storage {

namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

// A number and the unit that follows it; nullopt when it does not begin with one.
std::optional<std::pair<double, std::string>> number_and_unit(std::string_view text)
{
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || !std::isfinite(value) || value < 0) return std::nullopt;
    std::string unit;
    for (const char c : text.substr(static_cast<std::size_t>(end - text.data())))
        if (c != ' ') unit += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return std::pair{value, unit};
}

[[noreturn]] void refuse(const char* key, const std::string& what)
{
    throw std::runtime_error{std::string{key} + ": " + what};
}

std::uint64_t size_of(const Json& config, const char* key, std::uint64_t otherwise)
{
    const auto at = config.find(key);
    if (at == config.end() || at->is_null()) return otherwise;
    if (const auto size = json_unsigned(*at)) return *size;
    if (at->is_string())
        if (const auto size = parse_size(at->get_ref<const std::string&>())) return *size;
    refuse(key, at->dump() +
                    " is not a size; write bytes or a number with KiB, MiB, GiB or TiB, such as \"100GiB\"");
}

milliseconds duration_of(const Json& config, const char* key, milliseconds otherwise)
{
    const auto at = config.find(key);
    if (at == config.end() || at->is_null()) return otherwise;
    if (const auto seconds = json_unsigned(*at); seconds && *seconds <= UINT32_MAX)
        return std::chrono::seconds{*seconds};
    if (at->is_string())
        if (const auto time = parse_duration(at->get_ref<const std::string&>()); time && time->count() > 0)
            return *time;
    refuse(key, at->dump() + " is not a duration; write a number with ms, s, m or h, such as \"10s\"");
}

unsigned count_of(const Json& config, const char* key, unsigned otherwise, unsigned most)
{
    const auto at = config.find(key);
    if (at == config.end() || at->is_null()) return otherwise;
    if (const auto value = json_unsigned(*at); value && *value >= 1 && *value <= most)
        return static_cast<unsigned>(*value);
    refuse(key, at->dump() + " is not a number from 1 to " + std::to_string(most));
}

} // namespace

std::optional<std::uint64_t> parse_size(std::string_view text)
{
    const auto parsed = number_and_unit(text);
    if (!parsed) return std::nullopt;
    static constexpr std::pair<std::string_view, int> units[] = {
        {"", 0},     {"b", 0},  {"k", 10},  {"kb", 10},  {"kib", 10}, {"m", 20},  {"mb", 20},
        {"mib", 20}, {"g", 30}, {"gb", 30}, {"gib", 30}, {"t", 40},   {"tb", 40}, {"tib", 40}};
    for (const auto& [unit, shift] : units) {
        if (unit != parsed->second) continue;
        const double bytes = std::ldexp(parsed->first, shift);
        if (bytes >= 9e18) return std::nullopt;
        return static_cast<std::uint64_t>(bytes);
    }
    return std::nullopt;
}

std::optional<milliseconds> parse_duration(std::string_view text)
{
    const auto parsed = number_and_unit(text);
    if (!parsed) return std::nullopt;
    static constexpr std::pair<std::string_view, double> units[] = {
        {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}};
    for (const auto& [unit, factor] : units)
        if (unit == parsed->second && parsed->first * factor < 1e12)
            return milliseconds{static_cast<milliseconds::rep>(parsed->first * factor)};
    return std::nullopt;
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
