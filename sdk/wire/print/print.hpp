// The print protocol's codec, both ends. Facts and quirks: PROTOCOL.md beside this file; pinned by tests/wire/vectors/print.
//
// Heartbeat.facts as print's `heartbeat` writes them, and back: uptime, devices, telemetry.logs (logs), telemetry.status (agent_status:
// "healthy" is "online"), telemetry.systemLoad (system_load), config_push_at. World: utc_ms for timestamps, uuid for ids that a
// server did not give.
#pragma once

#include "wire/codec.hpp"

namespace agenthost::wire {

std::unique_ptr<AgentCodec> make_print_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_print_server(ServerSetup);

// Words both ends use.
namespace print {
inline constexpr std::string_view task_print = "task_print";
inline constexpr std::string_view task_config = "task_config";
inline constexpr std::string_view task_ping = "task_ping";
inline constexpr std::string_view task = "task_"; // what all tasks begin with
inline constexpr std::string_view auth_failed =
    "AUTH_FAILED"; // ours: the server's `error` before it closes with 1008
inline constexpr std::string_view nothing_to_say = "ok"; // the message when there is none; not read back
inline constexpr std::string_view pong = "pong";
} // namespace print

} // namespace agenthost::wire
