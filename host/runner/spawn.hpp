// Starting and burying the runner process.
#pragma once

#include <string>

#include <sys/types.h>

namespace agenthost::host::runner {

constexpr int runner_socket =
    3; // the runner's end of the socketpair; 0 and 1 are /dev/null, 2 is ours, everything else is closed

// The pid, or -1 and `why` (what, where, how to fix). A process group of its own, no signal blocked, an environment without
// anything but what programs need to run: credentials may live in ours.
pid_t spawn_runner(const std::string& program, int socket, std::string& why);

// Ends it when it has not ended by itself within `grace_ms`, and reaps it. "signal 9 (Killed)", "exit code 3".
std::string bury(pid_t pid, int grace_ms);

} // namespace agenthost::host::runner
