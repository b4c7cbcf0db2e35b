// Collects the current problems of plugins, sessions, listeners, the journal and the process every second
// into one table (Conditions), from which all reports of health are made. Reads memory and counts
// descriptors; does not access the disk. Main I/O thread.
#pragma once

#include "host/observe/conditions.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::host {

class Journal;
class ListenerSet;
class PluginSet;
class SessionTable;

class Health {
public:
    struct Parts {
        PluginSet& plugins;
        SessionTable& sessions;
        // None yet while the daemon starts.
        std::optional<ListenerSet>& listeners;
        Journal& journal;
        Conditions& conditions;
        std::string journal_file;
        // Any descriptor that remains open.
        int any_fd;
    };
    Health(boost::asio::any_io_executor main, Parts);

    // Now, and every second from now on.
    void begin();
    // The current problems.
    std::vector<Condition> conditions();

private:
    void gather();
    void gather_plugins();
    void gather_sessions();
    void gather_listeners();

    Parts parts_;
    boost::asio::steady_timer timer_;
    std::chrono::steady_clock::time_point report_losses_at_;
};

} // namespace agenthost::host
