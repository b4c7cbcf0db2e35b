// The words of the five protocols for what agents do, beside the registry's names: "docker.start_server" is "start_server" to a panel
// agent. A name without a word goes as it is: agents look it up in their own registry. Pure.
#pragma once

#include "wire/codec.hpp"

#include <string_view>

namespace agenthost::hub {

// The registry's name for a command on a terminal; its tasks are runs (runs.hpp).
inline constexpr std::string_view run_action = "terminal.run";
bool is_run(std::string_view action); // by that name or by the dashboard protocol's word

// A registry name in the protocol's own word, when it has one. Others, its own words among them, go as they are.
std::string_view wire_word(wire::Protocol, std::string_view action);
// A word that names a frame of the protocol itself, so that it cannot be a command.
bool reserved_word(wire::Protocol, std::string_view action);
// A parameter whose place the protocol needs for itself.
bool reserved_parameter(wire::Protocol, std::string_view key);
// Every agent of this protocol repeats a command's id in its answer; where not, the hub keeps one command in flight until it has seen
// the agent do so.
bool always_correlates(wire::Protocol);

} // namespace agenthost::hub
