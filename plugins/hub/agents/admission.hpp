// Admits agents: from their upgrade request to the frame that authenticates them. protocols/ defines how an
// agent authenticates; small limits and a deadline apply until then. Under the hub's lock.
#pragma once

#include "agent_session.hpp"
#include "attempt_log.hpp"
#include "plugins/hub/http/exchanges.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

class Admission {
public:
    // The proof of this agent's live session; nullptr: it has none.
    using ProofOf = std::function<const Proof*(std::string_view agent)>;

    Admission(Core& core, Exchanges& exchanges, const AgentCredentials& credentials, wire::NonceBook& nonces,
              AttemptLog& attempts, ProofOf live)
        : core_{core}, exchanges_{exchanges}, credentials_{credentials}, nonces_{nonces}, attempts_{attempts},
          proof_of_live_{std::move(live)}
    {}

    // Both return the session if this call has admitted it.
    std::unique_ptr<AgentSession> request(Conn, const Head&, wire::Protocol) UNDER_LOCK;
    std::unique_ptr<AgentSession> frame(Conn, int opcode, std::string_view bytes) UNDER_LOCK;
    void closed(Conn, int code) UNDER_LOCK;
    void close_all(int code, const std::string& reason) UNDER_LOCK;
    [[nodiscard]] bool empty() const UNDER_LOCK { return waiting_.empty(); }

private:
    wire::ServerSetup setup(std::string agent);
    [[nodiscard]] bool admitted(std::string_view agent, const Proof&) const UNDER_LOCK;
    [[nodiscard]] std::string examine(AgentSession&, const wire::Hello&) UNDER_LOCK;
    std::unique_ptr<AgentSession> hello(AgentSession&, const wire::Hello&) UNDER_LOCK;
    void wait(AgentSession&) UNDER_LOCK;
    void refuse(AgentSession&, std::string_view agent, const std::string& why) UNDER_LOCK;
    void not_a_hello(AgentSession&, const wire::FromAgent&, std::string_view bytes) UNDER_LOCK;

    Core& core_;
    Exchanges& exchanges_;
    const AgentCredentials& credentials_;
    wire::NonceBook& nonces_;
    AttemptLog& attempts_;
    const ProofOf proof_of_live_;
    std::unordered_map<Conn, std::unique_ptr<AgentSession>> waiting_ GUARDED;
};

} // namespace agenthost::hub
