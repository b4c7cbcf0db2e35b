// Owns the sessions of agents that are connected to this process: replaces and ends them, and passes frames
// in both directions. The default implementation of Fanout.
//
// admission.hpp authenticates an agent before its session starts here. A second session of an agent replaces
// the first, whatever protocols they use: there are never two live ones. takeover_policy.hpp decides when the
// newcomer has to wait. A replaced session counts as that of another machine only if it was alive: its peer
// answered our close frame, which we sent after the newcomer had connected. An agent that reconnects after a
// broken connection leaves a session behind that answers nothing. A session ends when its credential no
// longer admits it: revoked, replaced, expired. Under the hub's lock.
//
// More than 25 members, because it implements Fanout (7 functions) and has one function for each event.
#pragma once

#include "admission.hpp"
#include "agent_session.hpp"
#include "attempt_log.hpp"
#include "fanout.hpp"
#include "observer.hpp"
#include "plugins/hub/core/by_id.hpp"
#include "takeover_policy.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class Sessions final : public Fanout {
public:
    Sessions(Core&, Exchanges&, const AgentCredentials&, wire::NonceBook&);
    // Call it before the first agent connects; the observer outlives this.
    void observe(AgentObserver& observer) { observer_ = &observer; }

    void request(Conn, const Head&, wire::Protocol) UNDER_LOCK;
    void frame(Conn, int opcode, std::string_view) UNDER_LOCK;
    void writable(Conn) UNDER_LOCK;
    // `code`: from the daemon; 1006 (lost) also if the peer did not answer our close frame.
    void closed(Conn, int code = 0) UNDER_LOCK;
    // Called when the hub shuts down.
    void close_all() UNDER_LOCK;
    // Called when they have changed: ends the sessions that they no longer admit.
    void check_credentials() UNDER_LOCK;
    // The agent's credential was revoked: ends its session, and what waits for it.
    void revoked(std::string_view agent) UNDER_LOCK;
    // The agent has a new JWT: extends its session to the JWT's expiry.
    void renewed(std::string_view agent, const Claims&) UNDER_LOCK;

    [[nodiscard]] bool online(std::string_view agent) const override UNDER_LOCK
    {
        return by_agent_.contains(agent);
    }
    Sent send(std::string_view agent, const wire::Command&) override UNDER_LOCK;
    void pause(std::string_view agent, bool on) override UNDER_LOCK;
    [[nodiscard]] const AgentRecord* find(std::string_view agent) const override UNDER_LOCK;
    [[nodiscard]] std::vector<std::string> connected(std::string_view protocol) const override UNDER_LOCK;
    [[nodiscard]] const IdentityConflicts::Conflict* conflict(std::string_view agent) const override
        UNDER_LOCK
    {
        return takeovers_.conflict(agent);
    }
    [[nodiscard]] std::size_t size() const UNDER_LOCK { return by_agent_.size(); }
    [[nodiscard]] bool empty() const UNDER_LOCK { return sessions_.empty() && admission_.empty(); }
    [[nodiscard]] const Attempts& attempts() const { return attempts_.attempts(); }

private:
    [[nodiscard]] AgentSession* live(std::string_view agent) const UNDER_LOCK;
    void start(std::unique_ptr<AgentSession>) UNDER_LOCK;
    // False: the newcomer was rejected.
    bool take_over(AgentSession& newcomer) UNDER_LOCK;
    void watch_expiry(AgentSession&) UNDER_LOCK;
    void met_its_limit(const AgentSession&) UNDER_LOCK;
    // Sends the reason first, if the protocol has a frame for it.
    void end(AgentSession&, std::string_view why) UNDER_LOCK;
    void drop(AgentSession&, int code, std::string reason) UNDER_LOCK;
    void left(AgentSession&) UNDER_LOCK;

    Core& core_;
    const AgentCredentials& credentials_;
    AgentObserver nobody_;
    AgentObserver* observer_ = &nobody_;
    AttemptLog attempts_;
    TakeoverPolicy takeovers_ GUARDED;
    Admission admission_ GUARDED;
    std::unordered_map<Conn, std::unique_ptr<AgentSession>> sessions_ GUARDED;
    ById<AgentSession*> by_agent_ GUARDED;
};

} // namespace agenthost::hub
