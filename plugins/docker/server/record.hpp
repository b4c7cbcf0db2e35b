// What is remembered about a server across restarts of the agent. Saved before the engine is called.
#pragma once

#include "plugins/docker/errors/codes.hpp"

#include <string>
#include <string_view>

namespace agenthost::docker::server {

// What the machine is working towards. `none`: nothing is in progress.
enum class Goal { none, install, start, stop, restart, kill, remove };

enum class Install { missing, done, failed };

struct Record {
    bool wants_running = false; // the desired state; survives crashes, engine restarts and agent restarts
    Goal goal = Goal::none;     // resumed after a restart of the agent
    Install install = Install::missing;
    bool installer_ran = false; // of the current goal `install`: its container was started
    bool install_over = false;  // of the current goal `install`: all but cleaning up is done
    bool gave_up = false;       // crashed too often; only a power action starts the server again
    bool ready = false;         // the done line of `run` was seen
    std::string run;            // the run that is believed to be running; empty: none
    std::string judged_run;     // the last run whose end has been dealt with
    Problem fault;              // why the server is crashed or its installation failed

    bool operator==(const Record&) const = default;
};

std::string_view to_string(Goal);

} // namespace agenthost::docker::server
