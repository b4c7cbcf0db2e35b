#include "health.hpp"

#include "sample_json.hpp"

#include "base/json_writer.hpp"
#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace agenthost::telemetry {

namespace {

using Json = nlohmann::json;
using Grade = Check::Grade;

constexpr double critical_percent = 98; // writes will fail soon, whatever the configured limit
constexpr std::size_t max_parts = 256;

std::string text_of(const Json& json, const char* key)
{
    const auto at = json.find(key);
    return at != json.end() && at->is_string() ? at->get<std::string>() : std::string{};
}

template <class Read> std::vector<AgentState::Part> parts_of(const Json& json, const char* key, Read read)
{
    std::vector<AgentState::Part> out;
    const auto list = json.find(key);
    if (list == json.end() || !list->is_array()) return out;
    for (const Json& item : *list)
        if (item.is_object() && out.size() < max_parts) out.push_back(read(item));
    return out;
}

Check percent(const char* name, double value, double limit, const std::string& what,
              const std::string& remedy)
{
    Check out{.name = name, .message = {}, .value = value, .limit = limit};
    if (value < std::min(limit, critical_percent)) return out;
    out.grade = value >= critical_percent ? Grade::critical : Grade::warning;
    out.message = what + " is " + number(value) + " % full (limit " + number(limit) + " %). " + remedy;
    return out;
}

const char* to_string(Grade grade)
{
    return grade == Grade::ok ? "ok" : grade == Grade::warning ? "warning" : "critical";
}

Check judge_load(const Sample& sample, double limit)
{
    Check load{
        .name = "load", .message = {}, .value = sample.load[1] / std::max(1u, sample.cpus), .limit = limit};
    if (*load.value >= limit) {
        load.grade = Grade::warning;
        load.message = "the load of the last 5 minutes is " + number(*load.value) + " for each CPU (limit " +
                       number(limit) + "). Find the busy processes (top) and those that wait for a disk.";
    }
    return load;
}

void judge_file_systems(const Sample& sample, const Config::Health& limits, std::vector<Check>& checks)
{
    for (const Usage& usage : sample.filesystems) {
        if (usage.stuck)
            checks.push_back(
                {.grade = Grade::critical,
                 .name = "filesystem " + usage.point,
                 .message = usage.point + " (" + usage.type +
                            ") does not respond. Check its server or device (dmesg), or unmount it.",
                 .value = std::nullopt,
                 .limit = std::nullopt});
        else if (!usage.read_only && usage.percent() >= std::min(limits.disk, critical_percent))
            checks.push_back(percent(("filesystem " + usage.point).c_str(), usage.percent(), limits.disk,
                                     usage.point, "Free space on it, or enlarge it."));
    }
}

void judge_agent(const AgentState& agent, std::vector<Check>& checks)
{
    for (const auto& part : agent.plugins)
        checks.push_back({.grade = part.well                ? Grade::ok
                                   : part.state == "failed" ? Grade::critical
                                                            : Grade::warning,
                          .name = "plugin " + part.name,
                          .message = part.well              ? ""
                                     : part.problem.empty() ? part.state
                                                            : part.problem,
                          .value = std::nullopt,
                          .limit = std::nullopt});
    for (const auto& part : agent.servers)
        checks.push_back({.grade = part.well ? Grade::ok : Grade::warning,
                          .name = "server " + part.name,
                          .message = part.well              ? ""
                                     : part.problem.empty() ? part.state
                                                            : part.state + ": " + part.problem,
                          .value = std::nullopt,
                          .limit = std::nullopt});
}

} // namespace

std::optional<AgentState> parse_agent(std::string_view text)
{
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    AgentState out;
    out.agent_id = text_of(json, "agent_id");
    out.version = text_of(json, "version");
    if (const auto up = json.find("uptime_s"); up != json.end())
        out.uptime_s = json_integer(*up).value_or(out.uptime_s);
    out.servers = parts_of(json, "servers", [](const Json& item) {
        const auto state = text_of(item, "state");
        return AgentState::Part{.name = text_of(item, "name"),
                                .state = state,
                                .problem = text_of(item, "problem"),
                                .well = state == "ready"};
    });
    out.plugins = parts_of(json, "plugins", [](const Json& item) {
        const auto state = text_of(item, "state");
        const auto healthy = item.find("healthy");
        const bool sick = healthy != item.end() && healthy->is_boolean() && !healthy->get<bool>();
        return AgentState::Part{.name = text_of(item, "id"),
                                .state = state,
                                .problem = text_of(item, "problem"),
                                .well = state != "failed" && !sick};
    });
    return out;
}

Verdict evaluate(const Sample& sample, const Config::Health& limits, const std::optional<AgentState>& agent,
                 std::string_view why)
{
    Verdict out;
    auto& checks = out.checks;
    checks.push_back(
        percent("disk", sample.disk, limits.disk, "the disk", "Free space on it, or enlarge it."));
    judge_file_systems(sample, limits, checks);
    checks.push_back(percent("memory", sample.memory, limits.memory, "memory",
                             "Find the largest processes (ps --sort -rss), or add memory."));
    checks.push_back(judge_load(sample, limits.load));
    if (agent)
        judge_agent(*agent, checks);
    else
        checks.push_back({.grade = Grade::warning,
                          .name = "agent",
                          .message = "the agent did not report its health: " + std::string{why},
                          .value = std::nullopt,
                          .limit = std::nullopt});
    const auto any = [&](Grade grade) {
        return std::ranges::find(checks, grade, &Check::grade) != checks.end();
    };
    out.status = any(Grade::critical) ? "unhealthy" : any(Grade::warning) ? "degraded" : "healthy";
    return out;
}

std::string verdict_json(const Verdict& verdict)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("status", verdict.status).array("checks");
    for (const Check& check : verdict.checks) {
        json.object().member("name", check.name).member("status", to_string(check.grade));
        if (check.value) json.member("value", base::RawJson{number(*check.value)});
        if (check.limit) json.member("limit", base::RawJson{number(*check.limit)});
        if (!check.message.empty()) json.member("message", check.message);
        json.end();
    }
    json.end().end();
    return out;
}

} // namespace agenthost::telemetry
