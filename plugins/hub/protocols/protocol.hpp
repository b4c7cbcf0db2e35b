// Describes what the hub does for the agents of one protocol where the facts of its row (wire::ProtocolTraits) are not enough: where they
// connect, what proves who they are, and the quirks of agents in the field. One file a protocol; all functions are pure.
#pragma once

#include "plugins/hub/credentials/credentials.hpp"
#include "plugins/hub/http/http.hpp"

#include "wire/codec.hpp"

#include <optional>
#include <string>

namespace agenthost::hub {

// What an agent's upgrade request proves, before the 101.
struct Opening {
    std::string refused;        // not empty: 401, and this is why; no secret in it
    std::string agent;          // proved, or claimed by a print shop; empty: the first frame tells
    std::optional<Proof> proof; // nullopt: the first frame carries it
    bool ready = false;         // no first frame is waited for
};

struct AgentProtocol {
    wire::Protocol protocol;
    // Path of the agents' WebSocket.
    const char* path;
    // What a session begins with, for the log: "an auth" frame.
    std::string_view first_frame;
    // Told to an agent whose first frame names an unknown id or carries a wrong secret.
    std::string_view unknown_agent = "unknown agent or wrong token";
    // nullptr: the upgrade proves nothing.
    Opening (*opening)(const Head&, const Credentials&, std::int64_t now_ms) = nullptr;
    // What the first frame proves; nullptr: the upgrade has proved it.
    Proof (*proof)(const wire::Hello&, const Credentials&) = nullptr;
    // An agent that is not ours answers twice, and this is the first answer: the command has only begun. nullptr: none does.
    bool (*begins_only)(const wire::Result&) = nullptr;
    // Appends a frame that tells the agent what was wrong with its own; nullptr: the protocol has none.
    void (*complain)(std::string& out, std::int64_t utc_ms, std::string_view why) = nullptr;
    // Agents of a dialect connect to the path of its protocol. These recognize them by the upgrade request or by the first frame;
    // nullptr: not recognizable by it.
    bool (*recognizes_upgrade)(const Head&) = nullptr;
    bool (*recognizes_first_frame)(std::string_view frame) = nullptr;
};

extern const AgentProtocol storage_protocol, panel_protocol, print_protocol, dashboard_protocol,
    signed_protocol, panel_field_protocol, dashboard_field_protocol;
const AgentProtocol& agent_protocol(wire::Protocol);

// What this upgrade proves.
Opening opening(wire::Protocol, const Head&, const Credentials&, std::int64_t now_ms);

// The dialect of this protocol that recognizes the agent's upgrade request, or its first frame; the protocol itself if none does.
wire::Protocol dialect_by_upgrade(wire::Protocol, const Head&);
wire::Protocol dialect_by_first_frame(wire::Protocol, std::string_view frame);

// ---- what several protocols share ----

Opening refuse_opening(std::string why);
// Proves the agent that a JWT names.
Opening open_by_token(std::string_view token, const Credentials&, std::int64_t now_ms);

} // namespace agenthost::hub
