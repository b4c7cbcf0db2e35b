// Is this machine, and the agent on it, well? Pure: a Sample, the limits and what host.status said, to a verdict.
#pragma once

#include "config.hpp"
#include "sample.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::telemetry {

// What host.status says of the agent's parts.
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
// Over a limit is a warning; disk and memory at 98 % and more are critical, and so is a failed plugin. A server that is away is a
// warning: the others, and this machine, go on. `agent` absent: `why` it is not known.
Verdict judge(const Sample&, const Config::Health&, const std::optional<AgentState>&, std::string_view why);
std::string verdict_json(const Verdict&);

} // namespace agenthost::telemetry
