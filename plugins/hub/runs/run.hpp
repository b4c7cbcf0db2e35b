// Describes one terminal command: its state, how it ended and its output. Values only; events.hpp changes
// them.
#pragma once

#include "output.hpp"

#include "plugins/hub/store/model.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::hub {

enum class RunState : std::uint8_t { queued, running, completed, failed };
std::string_view to_string(RunState);

struct Run {
    // The id is the task's, and the commandId on the wire.
    std::string id, agent, priority;
    // The beginning of the command line, as a person would type it; for the machine's owner.
    std::string command;
    bool pty = false;
    RunState state = RunState::queued;
    // In the agent's queue, from 1; 0: unknown.
    std::uint64_t position = 0;
    std::optional<int> exit_code;
    // When it is over. `reason`: exit, signal, interrupted, timeout or agent_lost.
    std::string reason, signal;
    // Why it failed, if the command itself is not the cause.
    std::string code, message, detail;
    // UTC ms; 0: not yet.
    std::int64_t created = 0, started = 0, ended = 0;
    RunOutput output;

    [[nodiscard]] bool over() const { return state >= RunState::completed; }
};

// The queued run of a task.
Run begin_run(const TaskRecord&);

struct RunEnd {
    RunState state;
    // Bytes of all output, as the agent counted them; 0: unknown.
    std::uint64_t printed = 0;
};
// Sets how the run ended, except its state and time.
RunEnd end_run(Run&, const TaskRecord&);

} // namespace agenthost::hub
