#include "agent_report.hpp"

#include "wire/json/fields.hpp"

namespace agenthost::host {

std::string AgentReport::heartbeat(std::chrono::steady_clock::time_point now) const
{
    const auto up = std::chrono::duration_cast<std::chrono::seconds>(now - started_);
    const bool healthy = !healthy_ || healthy_();
    return facts_.flat({{"uptime", std::to_string(up.count())},
                        {"agent_status", healthy ? R"("healthy")" : R"("degraded")"}});
}

std::string AgentReport::metrics() const
{
    const std::string facts = facts_.flat();
    std::string ignored;
    const auto members = wire::json::split(facts, ignored);
    const wire::json::Member* metrics = members ? wire::find(*members, "metrics") : nullptr;
    return metrics ? std::string{metrics->raw} : std::string{};
}

} // namespace agenthost::host
