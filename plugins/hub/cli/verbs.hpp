// The verbs. Each calls the running daemon; errors are thrown as Failed or Usage.
#pragma once

#include "arguments.hpp"

namespace agenthost::hub::cli {

// agent and token. false: not a valid form of them.
bool credentials(const Arguments&);

// Commands on agents (commands.cpp). They return the exit code.
constexpr int timed_out = 124; // as timeout(1) has it
constexpr int not_ours = 125;  // the command did not run, or its result is unknown
constexpr int not_found = 127; // the agent has no such program
int exec(const Arguments&);
int shell(const Arguments&);
int attach(const Arguments&);
int runs(const Arguments&);

// Game servers (servers.cpp). Returns the exit code.
int server(const Arguments&);

// Print shops (print.cpp). Returns the exit code.
constexpr int outcome_unknown = 3; // part of it or all may be on paper
int print(const Arguments&);

} // namespace agenthost::hub::cli
