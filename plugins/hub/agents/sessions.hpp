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
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/credentials/credentials.hpp"
#include "plugins/hub/store/tables.hpp"

#include "wire/codec.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class Sessions final : public Fanout {
public:
    struct Events { // under the lock
        std::function<void(const AgentRecord&)> ready;
        std::function<void(const AgentRecord&)> lost;
        std::function<void(std::string_view agent, const wire::Result&)> result;
        std::function<void(std::string_view agent, const wire::Progress&)> progress;
        std::function<void(std::string_view agent)> writable;
        // Its session met the limit of a message (1009), and it is not an agenthost, which answers TOO_LARGE by itself. `lost` follows.
        std::function<void(std::string_view agent)> too_large;
        std::function<void(std::string_view agent, std::string_view task)>
            not_taken; // a send the daemon had no room for
        // What an agent says unasked. The views live until the call returns; an acknowledgement is sent by Sessions itself.
        std::function<void(std::string_view agent, const wire::Heartbeat&)> heartbeat;
        std::function<void(std::string_view agent, const wire::Metrics&)> metrics;
        std::function<void(std::string_view agent, const wire::Log&)> log;
        std::function<void(std::string_view agent, const wire::Event&)> event;
        std::function<void(std::string_view agent, const wire::Stream&)> stream;
        std::function<void(const AgentRecord&, std::int64_t expires)>
            by_token;                      // admitted by a JWT that is good until then (UTC s)
        std::function<void()> credentials; // they changed
    };
    Sessions(Core& core, const Credentials& credentials, wire::NonceBook& nonces, Events events)
        : core_{core}, credentials_{credentials}, nonces_{nonces}, events_{std::move(events)}
    {}

    void request(Conn, const Head&, wire::Protocol);
    void frame(Conn, int opcode, std::string_view);
    void writable(Conn);
    // `code` as the daemon tells it: lost (1006) also when the peer did not answer our close frame.
    void closed(Conn, int code = 0);
    void close_all();         // the hub goes down
    void check_credentials(); // they changed: cuts the sessions they no longer admit
    void renewed(std::string_view agent, const Claims&); // a new JWT of it: its session is good for as long

    [[nodiscard]] bool online(std::string_view agent) const override
    {
        return by_agent_.contains(std::string{agent});
    }
    Sent send(std::string_view agent, const wire::Command&) override;
    void cut(std::string_view agent, std::string_view why) override;
    void pause(std::string_view agent, bool on) override;
    [[nodiscard]] const AgentRecord* find(std::string_view agent) const override;
    [[nodiscard]] std::vector<std::string> connected(std::string_view protocol) const override;
    [[nodiscard]] const Contests::Contest* contest(std::string_view agent) const override
    {
        return contests_.find(agent, core_.now());
    }
    [[nodiscard]] std::size_t size() const { return by_agent_.size(); }
    [[nodiscard]] bool empty() const { return sessions_.empty(); }
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
    void hello(Conn, Session&, const wire::Hello&);
    void accept(Conn, Session&);
    [[nodiscard]] bool admitted(std::string_view agent, const Proof&) const;
    bool take_over(Conn, Session&); // false: it has been refused
    void was_alive(const Session& replaced);
    void refuse(Conn, Session&, std::string_view agent, std::string_view why);
    void not_a_hello(Conn, Session&, const wire::FromAgent&, std::string_view bytes);
    void attempt_failed(std::string_view agent, std::string_view protocol, std::string_view peer,
                        const std::string& what, const std::string& reason);
    [[nodiscard]] int redispatch(const Session&) const;
    void serve(Conn, Session&, const wire::FromAgent&);
    void met_its_limit(const Session&);
    void heartbeat(Conn, Session&, const wire::Heartbeat&);
    void not_text(Conn, const Session&, std::size_t size);
    void malformed(Conn, Session&, const std::string& why);
    void ping(Conn);
    void watch_expiry(Conn, Session&);
    void end(Conn, int code, std::string_view why); // says so first, where the protocol has words for it
    void drop(Conn, int code, std::string reason);
    void left(Session&);
    bool say(Conn, Session&, const auto& message);
    void text(Conn, std::string);

    Core& core_;
    const Credentials& credentials_;
    wire::NonceBook& nonces_;
    Events events_;
    std::unordered_map<Conn, std::unique_ptr<Session>> sessions_;
    std::unordered_map<std::string, Conn> by_agent_;
    Attempts attempts_;
    Contests contests_;
};

} // namespace agenthost::hub
