// Decides whether an agent that connects replaces a live session of its identity, and logs the decision.
// identity_conflicts.hpp has the thresholds. Under the hub's lock.
#pragma once

#include "identity_conflicts.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/store/model.hpp"

#include <string>
#include <string_view>

namespace agenthost::hub {

class TakeoverPolicy {
public:
    explicit TakeoverPolicy(Core& core) : core_{core} {}

    struct Decision {
        bool admitted = true;
        // For the close frame: to the older session, or to the newcomer if it is not admitted.
        std::string reason;
    };
    // `newcomer` and `present`: the addresses of the two.
    Decision decide(std::string_view agent, const std::string& newcomer, const std::string& present)
        UNDER_LOCK;
    // The replaced session was alive: its peer answered our close frame, so it is another machine.
    void was_alive(const AgentRecord& replaced, const std::string& newcomer) UNDER_LOCK;
    // nullptr: one machine uses this identity.
    [[nodiscard]] const IdentityConflicts::Conflict* conflict(std::string_view agent) const UNDER_LOCK
    {
        return conflicts_.find(agent, core_.now());
    }

private:
    Core& core_;
    IdentityConflicts conflicts_ GUARDED;
};

} // namespace agenthost::hub
