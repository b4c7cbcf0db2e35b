// Collects what degrades the agent, every second, from plugins, sessions, the journal and the process into one table (Conditions), which
// everything that tells of health reads. It reads memory and counts descriptors, and touches no disk. Main I/O thread.
#pragma once

#include "host/observe/conditions.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace agenthost::host {

class Journal;
class PluginSet;
class SessionTable;

class Health {
public:
    struct Rooms {
        PluginSet& plugins;
        SessionTable& sessions;
        Journal& journal;
        Conditions& conditions;
        std::string journal_file;
        // Any descriptor that stays open.
        int any_fd;
    };
    Health(boost::asio::any_io_executor main, Rooms);

    // Now, and every second from now on.
    void begin();
    // As it is now.
    std::vector<Condition> conditions();

private:
    void gather();
    void gather_plugins();
    void gather_sessions();

    Rooms rooms_;
    boost::asio::steady_timer timer_;
    std::chrono::steady_clock::time_point say_losses_at_;
};

} // namespace agenthost::host
