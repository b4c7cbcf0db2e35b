// Starts and reaps the runner process.
#pragma once

#include <string>

#include <sys/types.h>

namespace agenthost::host::runner {

// The runner's end of the socketpair; 0 and 1 are /dev/null, 2 is ours, everything else is closed.
constexpr int runner_socket = 3;

// The pid, or -1 and `why` (what, where, how to fix). The process has its own group, no blocked signals, and
// only the environment that programs need, because our environment may contain credentials.
pid_t spawn_runner(const std::string& program, int socket, std::string& why);

// Kills it if it has not exited within `grace_ms`, and reaps it. Returns "signal 9 (Killed)" or "exit code
// 3".
std::string reap(pid_t pid, int grace_ms);

} // namespace agenthost::host::runner
