#include "takeover_policy.hpp"

#include "attempt_log.hpp"

#include <bit>

namespace agenthost::hub {

TakeoverPolicy::Decision TakeoverPolicy::decide(std::string_view agent, const std::string& newcomer,
                                                const std::string& present)
{
    const std::string id{agent};
    const auto now = core_.now();
    const IdentityConflicts::Conflict* conflict = conflicts_.find(agent, now);
    if (conflict == nullptr || now >= conflict->held_until) {
        core_.log(AGH_LOG_INFO, "agent " + id + " connected again; its older session is closed");
        return {.reason = conflict != nullptr
                              ? "identity in use: another machine connects as this agent and replaced it"
                              : "replaced by a newer session of this agent"};
    }
    const auto verdict = conflicts_.meet(agent, newcomer, present, now, core_.utc());
    if (std::has_single_bit(verdict.conflict->refused)) {
        core_.log(AGH_LOG_WARN, "agent " + id + " at " + newcomer +
                                    " is refused: another machine is connected with its identity, at " +
                                    present + "; " + std::to_string(verdict.conflict->refused) +
                                    " refused so far");
    }
    return {.admitted = false,
            .reason = "identity in use: another machine is connected as this agent; retry in " +
                      std::to_string(verdict.wait.count()) + " s"};
}

void TakeoverPolicy::was_alive(const AgentRecord& replaced, const std::string& newcomer)
{
    const auto verdict = conflicts_.meet(replaced.id, newcomer, replaced.peer, core_.now(), core_.utc());
    if (!verdict.noticed) return;
    core_.log(AGH_LOG_ERROR,
              "agent " + replaced.id +
                  ": two machines use this identity and take the session from each other, at " + newcomer +
                  " and " + replaced.peer +
                  ". Give each an id and a credential of its own (agenthost hub agent add). Until then "
                  "newcomers are refused for a while.",
              agent_fields(replaced.id, replaced.protocol, newcomer));
}

} // namespace agenthost::hub
