// What is remembered about a server across restarts of the agent. Saved before the engine is called.
#pragma once

#include "plugins/docker/errors/codes.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::docker::server {

// What the machine is working towards. `none`: nothing is in progress.
enum class Goal { none, install, start, stop, restart, kill, remove };

enum class Install { missing, done, failed };

// `install` is create_server or reinstall_server.
enum class Action { install, start, stop, restart, kill, remove };

// How stop and restart end the server; absent and empty: its own way.
struct StopOptions {
    std::optional<std::chrono::milliseconds> timeout; // before SIGKILL
    std::string signal;

    bool operator==(const StopOptions&) const = default;
};

// An action whose caller was answered, and which waits for the end of the goal.
struct NextAction {
    Action action = Action::start;
    StopOptions stop;
    bool then_start = false; // install

    bool operator==(const NextAction&) const = default;
};

struct Record {
    bool wants_running = false; // the desired state; survives crashes, engine restarts and agent restarts
    Goal goal = Goal::none;     // resumed after a restart of the agent
    StopOptions stop;           // of the current goal
    std::optional<NextAction> next;
    Install install = Install::missing;
    bool installer_ran = false; // of the current goal `install`: its container was started
    bool install_over = false;  // of the current goal `install`: all but cleaning up is done
    bool asked = false;         // of the current goal `start` or `restart`: by a person, who gets its error
    bool gave_up = false;       // crashed too often; only a power action starts the server again
    bool ready = false;         // the done line of `run` was seen
    std::string run;            // the run that is believed to be running; empty: none
    std::string judged_run;     // the last run whose end has been dealt with
    // Rises with each accepted action; of the one that led to the goal or state. The one that waits has the next.
    std::uint64_t action = 0;
    Problem fault; // why the server is crashed or its installation failed

    bool operator==(const Record&) const = default;
};

std::string_view to_string(Goal);

} // namespace agenthost::docker::server
