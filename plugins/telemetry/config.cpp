#include "config.hpp"

#include "base/json_units.hpp"
#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>

namespace agenthost::telemetry {

namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

[[noreturn]] void refuse(const std::string& key, const std::string& what)
{
    throw std::runtime_error{key + ": " + what};
}

milliseconds duration_of(const Json& config, const char* key, milliseconds otherwise, milliseconds min,
                         milliseconds max)
{
    const auto at = config.find(key);
    if (at == config.end() || at->is_null()) return otherwise;
    std::string why;
    const auto value = base::duration_in(*at, why);
    if (!value) refuse(key, why);
    if (*value < min || *value > max)
        refuse(key, at->dump() + " is not a duration from " + base::format_duration(min) + " to " +
                        base::format_duration(max));
    return *value;
}

std::vector<std::string> strings_of(const Json& config, const char* key)
{
    const auto at = config.find(key);
    return at == config.end() || at->is_null() ? std::vector<std::string>{}
                                               : at->get<std::vector<std::string>>();
}

Severity severity_of(const std::string& key, const std::string& text)
{
    if (const auto level = severity(text)) return *level;
    refuse(key, "\"" + text + "\" is not a log level; write trace, debug, info, warning or error");
}

std::string default_source(const std::string& path)
{
    const auto slash = path.rfind('/');
    auto name = path.substr(slash == path.npos ? 0 : slash + 1);
    const auto dot = name.rfind('.');
    if (dot != name.npos && dot > 0) name.resize(dot);
    return name;
}

std::vector<LogFile> logs_of(const Json& config)
{
    std::vector<LogFile> out;
    for (const Json& item : config.value("logs", Json::array())) {
        LogFile file;
        file.path = item.value("path", std::string{});
        const auto key = "logs[" + std::to_string(out.size()) + "]";
        if (file.path.empty() || file.path.front() != '/')
            refuse(key + ".path", "\"" + file.path + "\" must be an absolute path");
        if (item.contains("level"))
            file.level = severity_of(key + ".level", item.value("level", std::string{}));
        file.source = item.value("source", default_source(file.path));
        for (const LogFile& other : out)
            if (other.path == file.path) refuse(key + ".path", file.path + " is listed twice; remove one");
        out.push_back(std::move(file));
    }
    return out;
}

} // namespace

Config parse_config(std::string_view text)
{
    const Json json = text.empty() ? Json::object() : Json::parse(text, nullptr, false);
    if (!json.is_object()) throw std::runtime_error{"the configuration is not a JSON object"};
    Config out;
    out.interval = duration_of(json, "interval", out.interval, milliseconds{500}, std::chrono::hours{1});
    out.disk = json.value("disk", out.disk);
    if (out.disk.empty() || out.disk.front() != '/')
        refuse("disk", "\"" + out.disk + "\" must be an absolute path");
    while (out.disk.size() > 1 && out.disk.ends_with('/')) out.disk.pop_back();
    out.interfaces = strings_of(json, "interfaces");
    out.filesystems = strings_of(json, "filesystems");
    out.network_filesystems = json.value("network_filesystems", out.network_filesystems);
    out.logs = logs_of(json);
    if (const auto level = json.value("daemon_log", std::string{"warning"}); level == "off")
        out.daemon_log.reset();
    else
        out.daemon_log = severity_of("daemon_log", level);
    if (json.contains("log_level"))
        out.forward = severity_of("log_level", json.value("log_level", std::string{}));
    out.log_rate = json.value("log_rate", out.log_rate);
    out.log_burst = std::max(1.0, json.value("log_burst", out.log_burst));
    if (const auto health = json.find("health"); health != json.end() && health->is_object()) {
        out.health.disk = health->value("disk", out.health.disk);
        out.health.memory = health->value("memory", out.health.memory);
        out.health.load = health->value("load", out.health.load);
    }
    return out;
}

} // namespace agenthost::telemetry
