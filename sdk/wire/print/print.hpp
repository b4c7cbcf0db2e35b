// The print protocol's codec, both ends. Described in PROTOCOL.md in this folder; tested by
// tests/wire/vectors/print.
//
// Heartbeat.facts map to the members of print's `heartbeat`: uptime, devices, telemetry.logs (logs),
// telemetry.status (agent_status: "healthy" is "online"), telemetry.systemLoad (system_load), config_push_at.
// Uses Environment's utc_ms for timestamps, uuid for missing ids.
#pragma once

#include "wire/codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_print_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_print_server(ServerSetup);

// Names that both ends use.
namespace print {
inline constexpr std::string_view task_print = "task_print";
inline constexpr std::string_view task_config = "task_config";
inline constexpr std::string_view task_ping = "task_ping";
inline constexpr std::string_view task = "task_"; // prefix of all task types
// Our code in the server's `error` before it closes with 1008.
inline constexpr std::string_view auth_failed = "AUTH_FAILED";
// Sent in place of an empty message; ignored when decoded.
inline constexpr std::string_view nothing_to_say = "ok";
inline constexpr std::string_view pong = "pong";
} // namespace print

} // namespace agenthost::wire
