#include "config.hpp"

#include "base/json_units.hpp"
#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>

#include <stdexcept>

namespace agenthost::terminal {

namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

[[noreturn]] void refuse(const std::string& key, const std::string& what)
{
    throw std::runtime_error{key + ": " + what};
}

void size(const Json& config, const char* key, std::uint64_t& value)
{
    const auto at = config.find(key);
    if (at == config.end() || at->is_null()) return;
    std::string why;
    const auto parsed = base::size_in(*at, why);
    if (!parsed) refuse(key, why);
    value = *parsed;
}

void duration(const Json& config, const char* key, milliseconds& value)
{
    const auto at = config.find(key);
    if (at == config.end() || at->is_null()) return;
    std::string why;
    const auto parsed = base::duration_in(*at, why);
    if (!parsed) refuse(key, why);
    value = *parsed;
}

template <class N>
void count(const Json& config, const char* key, N& value, std::uint64_t min, std::uint64_t max)
{
    const auto at = config.find(key);
    if (at == config.end() || at->is_null()) return;
    if (const auto n = json_unsigned(*at); n && *n >= min && *n <= max) {
        value = static_cast<N>(*n);
        return;
    }
    refuse(key, at->dump() + " is not a number from " + std::to_string(min) + " to " + std::to_string(max));
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
