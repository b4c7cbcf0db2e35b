// Judges the health of the machine and the agent. Pure: a Sample, the limits and the reply of host.status
// give a verdict.
#pragma once

#include "config.hpp"
#include "sample.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::telemetry {

// The state of the agent's parts from host.status.
struct AgentState {
    struct Part {
        std::string name, state, problem;
        bool well = true;
    };
    std::vector<Part> servers, plugins; // at most 256 each
    std::string agent_id, version;
    std::int64_t uptime_s = 0;
};
std::optional<AgentState> parse_agent(std::string_view host_status_json);

struct Check {
    enum class Grade { ok, warning, critical } grade = Grade::ok;
    std::string name, message; // message: what, where, how to fix; empty when ok
    std::optional<double> value, limit;
};

struct Verdict {
    std::string_view status; // healthy, degraded (a warning), unhealthy (something critical)
    std::vector<Check> checks;
};
// A value over its limit is a warning; disk or memory at 98 % or more is critical, and so is a failed plugin.
// An unreachable server is a warning, because the rest keeps working. `agent` absent: `why` says why it is
// unknown.
Verdict evaluate(const Sample&, const Config::Health&, const std::optional<AgentState>&,
                 std::string_view why);
std::string verdict_json(const Verdict&);

} // namespace agenthost::telemetry
