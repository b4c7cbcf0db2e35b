// The checks of every command before it becomes a task, from any entry point: the command API, the signed
// protocol's route, shops' tasks, dashboards, hub.exec, file transfers. Commands::start() calls it, so no
// entry point can skip it. Pure.
#pragma once

#include "plugins/hub/core/action_words.hpp"
#include "plugins/hub/store/model.hpp"

#include "wire/codec.hpp"

#include <optional>
#include <string>

namespace agenthost::hub {

inline constexpr std::size_t max_params = (1U << 20) - 8192; // a frame to an agent is at most 1 MiB

// Empty: the task may be started, and a terminal command is prepared. Else the error, for people. `protocol`:
// the agent's, if it is connected; Sessions::send() repeats the checks that depend on it. A task that has
// passed will pass again.
std::string check_command(TaskRecord&, std::optional<wire::Protocol> protocol, const ActionWords&);

} // namespace agenthost::hub
