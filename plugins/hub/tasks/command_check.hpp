// The checks that every command passes before it becomes a task, whichever way it came in: the command API, the signed protocol's route,
// shops' tasks, dashboards, hub.exec, file calls. Commands::start() calls it, so no way in can leave it out. Pure.
#pragma once

#include "plugins/hub/core/action_words.hpp"
#include "plugins/hub/store/model.hpp"

#include "wire/codec.hpp"

#include <optional>
#include <string>

namespace agenthost::hub {

inline constexpr std::size_t most_params = (1U << 20) - 8192; // a frame to an agent is at most 1 MiB

// Empty: the task may be started, and a command on a terminal is prepared. Else what is wrong with it, for people. `protocol`: the agent's,
// when it is connected; Sessions::send() checks again what depends on it. A task that has passed passes again.
std::string check_command(TaskRecord&, std::optional<wire::Protocol> protocol, const ActionWords&);

} // namespace agenthost::hub
