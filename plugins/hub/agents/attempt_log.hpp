// Records and logs agents that fail to connect. Under the hub's lock.
#pragma once

#include "attempts.hpp"
#include "plugins/hub/core/core.hpp"

#include <string>
#include <string_view>

namespace agenthost::hub {

// {"agent","protocol","peer"}: the fields of a log line about an agent.
std::string agent_fields(std::string_view agent, std::string_view protocol, std::string_view peer);

class AttemptLog {
public:
    // An agent that tries to connect, as claimed; the id may be empty.
    struct Claim {
        std::string_view agent, protocol, peer;
    };

    explicit AttemptLog(Core& core) : core_{core} {}
    // Logs `what` and `reason` at an agent's 1st, 2nd, 4th ... failure, so that an agent that retries all the
    // time does not fill the log.
    void failed(const Claim&, const std::string& what, const std::string& reason) UNDER_LOCK;
    // The same, and counts an authentication failure.
    void refused(const Claim&, const std::string& what, const std::string& reason) UNDER_LOCK;
    void connected(std::string_view agent) UNDER_LOCK { attempts_.connected(agent); }
    [[nodiscard]] const Attempts& attempts() const { return attempts_; }

private:
    Core& core_;
    Attempts attempts_ GUARDED;
};

} // namespace agenthost::hub
