// Owns the daemon's parts and takes the steps between them; private to host/app. runtime.cpp starts and stops
// it, runtime_running.cpp has what it does in between. Main I/O thread.
//
// More than 25 members, because it owns each part of the daemon once, in the order of construction, and each
// step is a function.
#pragma once

#include "control_server.hpp"
#include "health.hpp"
#include "listener_set.hpp"
#include "loops.hpp"
#include "network_table.hpp"
#include "plugin_set.hpp"
#include "reloader.hpp"
#include "runtime.hpp"
#include "services.hpp"
#include "session_table.hpp"
#include "signals.hpp"
#include "status.hpp"
#include "stop_bounds.hpp"
#include "upkeep.hpp"

#include "base/file_lock.hpp"
#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/facts.hpp"
#include "host/dispatch/journal/journal.hpp"
#include "host/dispatch/registry.hpp"
#include "host/observe/audit.hpp"
#include "host/observe/conditions.hpp"
#include "host/observe/metrics.hpp"

#include <chrono>
#include <optional>

namespace agenthost::host {

constexpr int exit_failed = 1, exit_config = 78;

// "/usr/lib/a:/opt/b"
std::string joined(const std::vector<std::string>& folders);

struct Runtime::Impl {
    Impl(LoadRequest request, RuntimePaths paths) : request{std::move(request)}, paths{std::move(paths)} {}

    // Where the daemon is between its start and its end.
    struct Phase {
        std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
        // To report changed keys that need a restart.
        ConfigPtr started_with;
        bool ready = false, stopping = false;
        int exit_code = 0;
    };

    // In the order of construction; destroyed in reverse order.
    StopBounds bounds{exit_failed};
    Phase phase;
    LoadRequest request;
    RuntimePaths paths;
    ConfigPtr config;
    base::FileLock state_lock;
    Loops loops;
    Metrics metrics;
    Conditions conditions;
    Facts facts;
    NetworkTable network;
    Registry registry;
    std::optional<Audit> audit;
    std::optional<Journal> journal;
    std::optional<ListenerSet> listeners;
    std::optional<ControlServer> control;
    std::optional<Dispatcher> dispatcher;
    std::optional<Services> services;
    std::optional<PluginSet> plugins;
    std::optional<SessionTable> sessions;
    std::optional<Upkeep> upkeep;
    std::optional<Health> health;
    std::optional<Reloader> reloader;
    std::optional<Signals> signals;

    // Start-up: one function per step; each returns a problem, or an empty string.
    int run();
    bool load();
    std::string open_state();
    std::string open_audit();
    std::string start_threads();
    std::string open_journal();
    std::string make_parts();
    std::string share_journal(); // divides it among the servers of the configuration
    std::string bind_listeners();
    std::string bind_control();
    int fail_start(const std::string& problem);
    void start_plugins();
    void plugins_started(const PluginChanges&);

    // While it runs.
    void watch_signals();
    void on_signal(int sig);
    void finished(const Finished&);
    ControlHooks control_hooks();
    StatusParts status_parts();
    std::string status();

    // Reload: the old configuration stays when the new one is bad.
    void apply(Reloader::Read, Reloader::Done done);
    void plugins_applied(Reloaded, const PluginChanges&, const std::vector<std::string>& pending,
                         const Reloader::Done& done);

    // Shutdown: finish running commands, close sessions, stop plugins, close the rest.
    void stop(const std::string& why);
    void stop_plugins();
    void close_listeners();
    void tear_down();
};

} // namespace agenthost::host
