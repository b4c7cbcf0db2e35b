// The agenthost command: verbs, options, exit codes. `run` calls the daemon through a hook, so that this
// folder does not depend on it.
#pragma once

#include "host/config/config.hpp"

#include <functional>
#include <string>
#include <vector>

namespace agenthost::host {

struct RunOptions {
    std::vector<std::string> plugin_path; // plugin folders if the configuration names none
    std::string runner;                   // the program for isolation: process
};

struct CliHooks {
    std::function<int(LoadRequest, RunOptions)> run;
};

// Exit codes: 0 ok, 1 failed, 2 wrong usage, 78 invalid configuration (EX_CONFIG).
int cli_main(int argc, char** argv, const CliHooks&);

} // namespace agenthost::host
