// Describes what the hub does for the agents of one protocol beyond its row in wire::ProtocolTraits: where
// they connect, how they authenticate, and the quirks of deployed agents. One file per protocol; all
// functions are pure.
#pragma once

#include "plugins/hub/credentials/agent_credentials.hpp"
#include "plugins/hub/http/http.hpp"

#include "wire/codec.hpp"

#include <optional>
#include <string>

namespace agenthost::hub {

// The result of checking an agent's upgrade request, before the 101.
struct Opening {
    std::string refused;        // not empty: answer 401 with this reason, which contains no secret
    std::string agent;          // proved, or claimed by a print shop; empty: the first frame has it
    std::optional<Proof> proof; // nullopt: the first frame has it
    bool ready = false;         // no first frame is needed
};

struct AgentProtocol {
    wire::Protocol protocol;
    // Path of the agents' WebSocket.
    const char* path;
    // The expected first frame, for the log: "an auth" frame.
    std::string_view first_frame;
    // Sent to an agent whose first frame has an unknown id or a wrong secret.
    std::string_view unknown_agent = "unknown agent or wrong token";
    // nullptr: the upgrade proves nothing.
    Opening (*opening)(const Head&, const AgentCredentials&, std::int64_t now_ms) = nullptr;
    // Checks the first frame; nullptr: the upgrade has authenticated the agent.
    Proof (*proof)(const wire::Hello&, const AgentCredentials&) = nullptr;
    // Whether this is the first of two answers that deployed agents send, which only reports the start.
    // nullptr: never.
    bool (*begins_only)(const wire::Result&) = nullptr;
    // Appends a frame that reports an error in the agent's frame; nullptr: the protocol has none.
    void (*complain)(std::string& out, std::int64_t utc_ms, std::string_view why) = nullptr;
    // Agents of a dialect connect to the path of its protocol. These recognise them by the upgrade request or
    // by the first frame; nullptr: not recognisable by it.
    bool (*recognizes_upgrade)(const Head&) = nullptr;
    bool (*recognizes_first_frame)(std::string_view frame) = nullptr;
};

extern const AgentProtocol storage_protocol, panel_protocol, print_protocol, dashboard_protocol,
    signed_protocol, panel_field_protocol, dashboard_field_protocol;
const AgentProtocol& agent_protocol(wire::Protocol);

// Checks this upgrade.
Opening opening(wire::Protocol, const Head&, const AgentCredentials&, std::int64_t now_ms);

// The dialect of this protocol that recognizes the agent's upgrade request, or its first frame; the protocol
// itself if none does.
wire::Protocol dialect_by_upgrade(wire::Protocol, const Head&);
wire::Protocol dialect_by_first_frame(wire::Protocol, std::string_view frame);

// ---- shared by several protocols ----

Opening refuse_opening(std::string why);
// Authenticates the agent named by a JWT.
Opening open_by_token(std::string_view token, const AgentCredentials&, std::int64_t now_ms);

} // namespace agenthost::hub
