// How a shop's task is shown, and what became of its paper. Pure.
#pragma once

#include "plugins/hub/store/model.hpp"

#include <string>
#include <string_view>

namespace agenthost::hub {

// Actions of shops' tasks: the protocol's own names, which agents look up in their plugins' aliases, or
// actions of the host and of the printer plugin.
namespace shop_action {
constexpr std::string_view print = "task_print", config = "task_config", ping = "host.ping",
                           reprint = "printer.reprint", render = "printer.render";
} // namespace shop_action

// The action of a command of /api/agent-tasks: print, config or ping. Empty: not one of them.
std::string_view action_of(std::string_view command);
// The command of an action; an action that has none is its own.
std::string_view command_of(const TaskRecord&);
// The task puts something on paper.
bool prints(const TaskRecord&);

// What is known about the paper of a task that has ended:
//   printed   the agent says that the printer confirmed it
//   sent      the agent has sent all bytes; whether they are on paper is not known
//   failed    the agent says that it was not printed, or it was never sent to the agent
//   unknown   part of it or all may be on paper: it was sent, and no answer tells. Never sent again by itself
// Empty: it is open, or does not print.
std::string_view paper_outcome(const TaskRecord&);

// Like the document's task_result: message and meta beside the status.
std::string shop_task_json(const TaskRecord&);

} // namespace agenthost::hub
