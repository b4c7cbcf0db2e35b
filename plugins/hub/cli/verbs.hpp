// The verbs. Each talks to the running daemon; what goes wrong is thrown as Failed or Usage.
#pragma once

#include "arguments.hpp"

namespace agenthost::hub::cli {

// agent and token. false: not one of their forms.
bool credentials(const Arguments&);

// Commands on agents (commands.cpp). What comes back is the exit code.
constexpr int timed_out = 124; // as timeout(1) has it
constexpr int not_ours = 125;  // the command did not run, or how it ended is not known
constexpr int not_found = 127; // the agent has no such program
int exec(const Arguments&);
int shell(const Arguments&);
int attach(const Arguments&);
int runs(const Arguments&);

} // namespace agenthost::hub::cli
