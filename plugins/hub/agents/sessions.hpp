// The agents that are connected to this process: authentication, takeover, frames in and out. The embedded default of Fanout.
//
// protocols/ says what the upgrade must prove; small limits hold until the session is authenticated. A second session of an agent
// replaces the first, whatever protocols they speak: there are never two live ones; contests.hpp says when it has to wait. A replaced session
// counts as that of another machine only when it was alive: its peer answered our close frame, which came after the newcomer. An agent
// that reconnects because its line broke leaves a session behind that answers nothing. A session ends when what admitted it no longer
// would: revoked, replaced, expired. Under the hub's lock.
#pragma once

#include "attempts.hpp"
#include "contests.hpp"
#include "fanout.hpp"
#include "observer.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/credentials/credentials.hpp"
#include "plugins/hub/http/exchanges.hpp"

#include "wire/codec.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class Sessions final : public Fanout {
public:
    Sessions(Core& core, Exchanges& exchanges, const Credentials& credentials, wire::NonceBook& nonces)
        : core_{core}, exchanges_{exchanges}, credentials_{credentials}, nonces_{nonces}
    {}
    // Before the first agent comes; it outlives this.
    void observe(AgentObserver& observer) { observer_ = &observer; }

    void request(Conn, const Head&, wire::Protocol) UNDER_LOCK;
    void frame(Conn, int opcode, std::string_view) UNDER_LOCK;
    void writable(Conn) UNDER_LOCK;
    // `code` as the daemon tells it: lost (1006) also when the peer did not answer our close frame.
    void closed(Conn, int code = 0) UNDER_LOCK;
    void close_all() UNDER_LOCK;         // the hub goes down
    void check_credentials() UNDER_LOCK; // they changed: cuts the sessions they no longer admit
    // A new JWT of the agent: its session is good for as long.
    void renewed(std::string_view agent, const Claims&) UNDER_LOCK;

    [[nodiscard]] bool online(std::string_view agent) const override UNDER_LOCK
    {
        return by_agent_.contains(std::string{agent});
    }
    Sent send(std::string_view agent, const wire::Command&) override UNDER_LOCK;
    void cut(std::string_view agent, std::string_view why) override UNDER_LOCK;
    void pause(std::string_view agent, bool on) override UNDER_LOCK;
    [[nodiscard]] const AgentRecord* find(std::string_view agent) const override UNDER_LOCK;
    [[nodiscard]] std::vector<std::string> connected(std::string_view protocol) const override UNDER_LOCK;
    [[nodiscard]] const Contests::Contest* contest(std::string_view agent) const override UNDER_LOCK
    {
        return contests_.find(agent, core_.now());
    }
    [[nodiscard]] std::size_t size() const UNDER_LOCK { return by_agent_.size(); }
    [[nodiscard]] bool empty() const UNDER_LOCK { return sessions_.empty(); }
    [[nodiscard]] const Attempts& attempts() const { return attempts_; }

private:
    struct Session {
        std::unique_ptr<wire::ServerCodec> codec;
        wire::Protocol protocol;
        bool ready = false, closing = false;
        bool ours = false; // an agenthost: it keeps a journal
        std::uint32_t bad_frames = 0;
        AgentRecord agent; // id: before it is ready, as the upgrade proved or claimed it
        std::optional<Proof> proof;
        Timers::Id timer{};      // until ready: authentication is due; then: the next ping
        Timers::Id expiry{};     // of the token that admitted it
        std::string replaced_by; // the address of the newcomer; empty: not replaced
    };
    wire::ServerSetup setup(std::string agent);
    void hello(Conn, Session&, const wire::Hello&) UNDER_LOCK;
    void accept(Conn, Session&) UNDER_LOCK;
    [[nodiscard]] bool admitted(std::string_view agent, const Proof&) const UNDER_LOCK;
    bool take_over(Conn, Session&) UNDER_LOCK; // false: it has been refused
    void was_alive(const Session& replaced) UNDER_LOCK;
    void refuse(Conn, Session&, std::string_view agent, std::string_view why) UNDER_LOCK;
    void choose_dialect(Session&, std::string_view first_frame) UNDER_LOCK;
    void not_a_hello(Conn, Session&, const wire::FromAgent&, std::string_view bytes) UNDER_LOCK;
    void attempt_failed(std::string_view agent, std::string_view protocol, std::string_view peer,
                        const std::string& what, const std::string& reason) UNDER_LOCK;
    [[nodiscard]] int redispatch(const Session&) const;
    void serve(Conn, Session&, const wire::FromAgent&) UNDER_LOCK;
    void met_its_limit(const Session&) UNDER_LOCK;
    void heartbeat(Conn, Session&, const wire::Heartbeat&) UNDER_LOCK;
    void not_text(Conn, const Session&, std::size_t size) UNDER_LOCK;
    void malformed(Conn, Session&, const std::string& why) UNDER_LOCK;
    void ping(Conn) UNDER_LOCK;
    void watch_expiry(Conn, Session&) UNDER_LOCK;
    // Says so first, where the protocol has words for it.
    void end(Conn, int code, std::string_view why) UNDER_LOCK;
    void drop(Conn, int code, std::string reason) UNDER_LOCK;
    void left(Session&) UNDER_LOCK;
    bool say(Conn, Session&, const auto& message) UNDER_LOCK;
    void text(Conn, std::string) UNDER_LOCK;

    Core& core_;
    Exchanges& exchanges_;
    const Credentials& credentials_;
    wire::NonceBook& nonces_;
    AgentObserver nobody_;
    AgentObserver* observer_ = &nobody_;
    std::unordered_map<Conn, std::unique_ptr<Session>> sessions_ GUARDED;
    std::unordered_map<std::string, Conn> by_agent_ GUARDED;
    Attempts attempts_ GUARDED;
    Contests contests_ GUARDED;
};

} // namespace agenthost::hub
