// One connection of an agent, from its upgrade request to its end: encodes messages to the agent, reports the
// agent's messages to an observer, and sends the protocol's pings. It does not decide which agents are
// admitted (admission.hpp) or replaced (sessions.hpp). Under the hub's lock.
//
// More than 25 members: the values that Admission and Sessions set are public here.
#pragma once

#include "observer.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/credentials/agent_credentials.hpp"
#include "plugins/hub/protocols/protocol.hpp"

#include "wire/codec.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::hub {

// Close codes of RFC 6455, 7.4.1.
namespace close_code {
constexpr int replaced = 1000, going_away = 1001, no_binary = 1003, policy_violation = 1008, too_big = 1009,
              try_again_later = 1013;
}
// "is too large (close code 1009)": the reason that the code gives for a frame that was not read to its end;
// empty: none.
std::string_view frame_fault(int code);

class AgentSession {
public:
    AgentSession(Core& core, Conn conn) : core_{core}, conn_{conn} {}

    // The protocol or dialect that the agent uses. False: this build has no codec for it.
    bool use(wire::Protocol, wire::ServerSetup);
    [[nodiscard]] wire::Protocol protocol() const { return protocol_; }
    [[nodiscard]] const wire::ProtocolTraits& traits() const { return wire::traits(protocol_); }
    [[nodiscard]] Conn conn() const { return conn_; }
    [[nodiscard]] bool closing() const { return closing_; }

    // Views in the message are valid until the next call.
    wire::FromAgent decode(std::string_view frame) { return codec_->decode(frame); }
    void serve(const wire::FromAgent&, AgentObserver&) UNDER_LOCK;
    // False: the protocol has no frame for it.
    bool say(const wire::Welcome&) UNDER_LOCK;
    struct Frames {
        std::string text, binary; // binary follows at once; may be empty
    };
    // The frames of a command, with the protocol's name of its action; nullopt: the protocol has none.
    std::optional<Frames> encode(wire::Command) UNDER_LOCK;
    // If the protocol has pings of its own.
    void start_pings() UNDER_LOCK;
    // Nothing is read or sent afterwards. The session's memory is freed when the daemon reports it closed.
    void close(int code, std::string reason) UNDER_LOCK;
    void stop_timers() UNDER_LOCK;

    // Before the session is ready, its id is the one that the upgrade request proved or claimed.
    AgentRecord agent;
    std::optional<Proof> proof;
    // Authenticated, and the only live session of its agent.
    bool ready = false;
    // An agenthost, which keeps a journal.
    bool ours = false;
    // Until authenticated: the deadline; then: the expiry of the token that admitted it.
    Timers::Id timer{};
    // The address of the newcomer; empty: not replaced.
    std::string replaced_by;

private:
    bool send(const auto& message) UNDER_LOCK;
    void answer(const wire::Heartbeat&, AgentObserver&) UNDER_LOCK;
    void malformed(const std::string& why) UNDER_LOCK;
    void ping() UNDER_LOCK;

    Core& core_;
    const Conn conn_;
    wire::Protocol protocol_{};
    std::unique_ptr<wire::ServerCodec> codec_;
    bool closing_ = false;
    std::uint32_t bad_frames_ = 0;
    Timers::Id next_ping_{};
};

} // namespace agenthost::hub
