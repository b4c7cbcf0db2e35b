#include "agent_report.hpp"

#include "base/json_depth.hpp"
#include "base/json_writer.hpp"
#include "wire/json/fields.hpp"

#include <nlohmann/json.hpp>

#include <set>

namespace agenthost::host {

std::string AgentReport::heartbeat(std::chrono::steady_clock::time_point now) const
{
    const auto up = std::chrono::duration_cast<std::chrono::seconds>(now - started_);
    const bool healthy = !healthy_ || healthy_();
    return facts_.flat({{"uptime", std::to_string(up.count())},
                        {"agent_status", healthy ? R"("healthy")" : R"("degraded")"}});
}

std::string AgentReport::metrics() const { return fact("metrics"); }

std::string AgentReport::capabilities(const std::string& manifests) const
{
    const std::string published = fact("capabilities");
    if (published.empty()) return manifests;
    std::set<std::string> names;
    for (const std::string* list : {&manifests, &published}) {
        const auto array = base::parse_json<nlohmann::json>(*list);
        if (!array.is_array()) continue;
        for (const auto& name : array) {
            const bool fits = name.is_string() && !name.get_ref<const std::string&>().empty() &&
                              name.get_ref<const std::string&>().size() <= max_capability;
            if (fits && names.size() < max_capabilities) names.insert(name.get<std::string>());
        }
    }
    std::string out;
    base::JsonWriter{out}.value(names);
    return out;
}

std::string AgentReport::registration(const std::string& plugins) const
{
    const std::string machine = fact("machine_capabilities");
    std::string ignored;
    const auto members = machine.empty() ? std::nullopt : wire::json::split(machine, ignored);
    if (!members) return plugins;
    std::string out;
    base::JsonWriter json{out};
    json.object();
    if (!plugins.empty() && plugins != "[]") json.member("features", base::RawJson{plugins});
    for (const wire::json::Member& member : *members)
        if (member.key != "features") wire::write_member(json, member);
    json.end();
    return out;
}

std::string AgentReport::fact(std::string_view key) const
{
    const std::string facts = facts_.flat();
    std::string ignored;
    const auto members = wire::json::split(facts, ignored);
    const wire::json::Member* found = members ? wire::find(*members, key) : nullptr;
    return found ? std::string{found->raw} : std::string{};
}

} // namespace agenthost::host
