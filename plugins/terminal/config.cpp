#include "config.hpp"

#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>
#include <stdexcept>

namespace agenthost::terminal {

namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

[[noreturn]] void refuse(const std::string& key, const std::string& what)
{
    throw std::runtime_error{key + ": " + what};
}

// A number and the unit behind it, in lower case.
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

void size(const Json& config, const char* key, std::uint64_t& value)
{
    const auto at = config.find(key);
    if (at == config.end() || at->is_null()) return;
    if (const auto bytes = json_unsigned(*at)) {
        value = *bytes;
        return;
    }
    static constexpr std::pair<std::string_view, int> units[] = {
        {"", 0},    {"b", 0},    {"k", 10}, {"kb", 10}, {"kib", 10}, {"m", 20},
        {"mb", 20}, {"mib", 20}, {"g", 30}, {"gb", 30}, {"gib", 30}};
    if (at->is_string())
        if (const auto parsed = number_and_unit(at->get_ref<const std::string&>()))
            for (const auto& [unit, shift] : units)
                if (unit == parsed->second && std::ldexp(parsed->first, shift) < 1e15) {
                    value = static_cast<std::uint64_t>(std::ldexp(parsed->first, shift));
                    return;
                }
    refuse(key,
           at->dump() + " is not a size; write bytes or a number with KiB, MiB or GiB, such as \"1MiB\"");
}

void duration(const Json& config, const char* key, milliseconds& value)
{
    const auto at = config.find(key);
    if (at == config.end() || at->is_null()) return;
    if (const auto seconds = json_unsigned(*at); seconds && *seconds <= UINT32_MAX) {
        value = std::chrono::seconds{*seconds};
        return;
    }
    static constexpr std::pair<std::string_view, double> units[] = {
        {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};
    if (at->is_string())
        if (const auto parsed = number_and_unit(at->get_ref<const std::string&>()))
            for (const auto& [unit, factor] : units)
                if (unit == parsed->second && parsed->first * factor < 1e12) {
                    value = milliseconds{static_cast<milliseconds::rep>(parsed->first * factor)};
                    return;
                }
    refuse(key, at->dump() + " is not a duration; write a number with ms, s, m or h, such as \"10s\"");
}

template <class N>
void count(const Json& config, const char* key, N& value, std::uint64_t least, std::uint64_t most)
{
    const auto at = config.find(key);
    if (at == config.end() || at->is_null()) return;
    if (const auto n = json_unsigned(*at); n && *n >= least && *n <= most) {
        value = static_cast<N>(*n);
        return;
    }
    refuse(key,
           at->dump() + " is not a number from " + std::to_string(least) + " to " + std::to_string(most));
}

void absolute(const char* key, const std::string& path)
{
    if (path.empty() || path[0] != '/') refuse(key, "\"" + path + "\" must be an absolute path");
}

void check_allow(const Config& config)
{
    for (const std::string& pattern : config.allow) {
        if (pattern == "*") {
            if (config.allow.size() > 1)
                refuse("allow",
                       "\"*\" admits everything, so it stands alone; remove it or the other patterns");
        } else if (pattern.empty() || pattern[0] != '/')
            refuse("allow",
                   "\"" + pattern +
                       "\" must begin with an absolute path, such as \"/usr/bin/uptime\", or be \"*\"");
    }
}

} // namespace

Config parse_config(std::string_view text)
{
    const Json json = text.empty() ? Json::object() : Json::parse(text, nullptr, false);
    if (!json.is_object()) throw std::runtime_error{"the configuration is not a JSON object"};
    Config config;
    config.run_as = json.value("run_as", config.run_as);
    config.run_as_allow = json.value("run_as_allow", config.run_as_allow);
    config.shell = json.value("shell", config.shell);
    if (json.contains("shell")) absolute("shell", config.shell);
    config.allow = json.value("allow", config.allow);
    check_allow(config);
    config.path = json.value("path", config.path);
    if (json.contains("env")) config.env = json.at("env").get<std::vector<std::string>>();
    config.environment = json.value("environment", config.environment);
    count(json, "queue", config.queue, 0, 10'000);
    count(json, "concurrency", config.concurrency, 1, 1'000);
    duration(json, "timeout", config.timeout);
    duration(json, "grace", config.grace);
    if (config.grace > std::chrono::seconds{14}) // the host waits 30 s for the end of a cancelled command
        refuse("grace", "it is given twice before SIGKILL and has to end in 30 s; write at most \"14s\"");
    duration(json, "wait", config.wait);
    size(json, "max_output", config.max_output);
    size(json, "ring", config.ring);
    count(json, "keep", config.keep, 0, 1'000);
    duration(json, "keep_for", config.keep_for);
    if (const auto at = json.find("limits"); at != json.end()) {
        count(*at, "processes", config.limits.processes, 0, 1 << 22);
        config.limits.processes_by_default = !at->contains("processes");
        size(*at, "memory", config.limits.memory);
        milliseconds cpu{0};
        duration(*at, "cpu", cpu);
        config.limits.cpu_seconds = static_cast<std::uint64_t>((cpu.count() + 999) / 1000);
        count(*at, "open_files", config.limits.open_files, 0, 1 << 20);
    }
    config.cgroup = json.value("cgroup", std::string{"auto"}) != "off";
    return config;
}

} // namespace agenthost::terminal
