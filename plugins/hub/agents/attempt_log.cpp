#include "attempt_log.hpp"

#include "base/json_writer.hpp"

#include <bit>

namespace agenthost::hub {

std::string agent_fields(std::string_view agent, std::string_view protocol, std::string_view peer)
{
    return base::json_object("agent", agent.substr(0, 128), "protocol", protocol, "peer", peer);
}

void AttemptLog::failed(const Claim& claim, const std::string& what, const std::string& reason)
{
    const std::uint64_t count =
        attempts_.failed(claim.agent, claim.protocol, claim.peer, reason, core_.utc());
    if (!std::has_single_bit(count)) return;
    core_.log_stranger(what + reason + (count > 1 ? "; " + std::to_string(count) + " times so far" : ""),
                       agent_fields(claim.agent, claim.protocol, claim.peer));
}

void AttemptLog::refused(const Claim& claim, const std::string& what, const std::string& reason)
{
    core_.host.record(Metric::auth_failures, 1);
    failed(claim, what, reason);
}

} // namespace agenthost::hub
