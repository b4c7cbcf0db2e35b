// The daemon's parts and the steps between them; private to host/app. runtime.cpp starts and stops it, runtime_running.cpp is what it does
// meanwhile, runtime_health.cpp how it is, runtime_reload.cpp gives it another configuration. Everything on the main I/O thread.
#pragma once

#include "control.hpp"
#include "last_resort.hpp"
#include "loop_watch.hpp"
#include "network_table.hpp"
#include "plugin_set.hpp"
#include "runtime.hpp"
#include "services.hpp"
#include "status.hpp"

#include "base/file_lock.hpp"
#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/facts.hpp"
#include "host/dispatch/journal/journal.hpp"
#include "host/dispatch/registry.hpp"
#include "host/listener/listener.hpp"
#include "host/observe/audit.hpp"
#include "host/observe/conditions.hpp"
#include "host/observe/metrics.hpp"
#include "host/session/off_thread.hpp"
#include "host/session/session.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <thread>

namespace agenthost::host {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// Where plugins are looked for.
std::vector<std::string> plugin_path(const Config&, const RuntimePaths&);

using Certificates = std::map<std::string, ListenerTls>; // by listener

struct Runtime::Impl {
    Impl(LoadRequest request, RuntimePaths paths) : request{std::move(request)}, paths{std::move(paths)} {}

    // Declared in the order they are needed; destroyed the other way round.
    LastResort last_resort;
    LoadRequest request;
    RuntimePaths paths;
    ConfigPtr config;
    base::FileLock state_lock;
    asio::io_context main{1};
    std::vector<std::unique_ptr<asio::io_context>> more_io;
    std::vector<std::thread> io_threads;
    std::vector<asio::executor_work_guard<asio::io_context::executor_type>> io_work;
    Metrics metrics;
    Conditions conditions;
    Facts facts;
    NetworkTable network;
    Registry registry;
    std::optional<Audit> audit;
    std::optional<Journal> journal;
    std::optional<Listeners> listeners;
    // The control socket and `metrics.bind`: on a loop and thread of their own, so that they answer when the others stand still.
    asio::io_context control_io{1};
    std::optional<Listeners> control_listeners;
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> control_work;
    std::thread control_thread;
    std::optional<LoopWatch> loops;
    std::optional<Dispatcher> dispatcher;
    std::optional<Services> services;
    std::optional<PluginSet> plugins;
    std::optional<Control> control;
    std::map<std::string, std::shared_ptr<Session>> sessions;
    std::map<std::string, std::shared_ptr<Session>> leaving; // servers whose old session still says goodbye
    OffThread reading;                                       // the configuration, for a reload
    bool reloading = false;
    // Asked for meanwhile, or before the daemon is ready: one more reload answers them all. Bound: max_reload_waits.
    std::vector<std::function<void(Reloaded)>> reload_waits;
    static constexpr std::size_t max_reload_waits = 64;
    std::map<std::string, ListenerConfig> listening; // what listeners really have, whatever a reload wished
    ConfigPtr started_with;                          // for the keys that only count from the next start
    // On the control's loop: a main loop that a plugin blocks would never hear that it should end.
    asio::signal_set signals{control_io};
    std::atomic<std::chrono::milliseconds> stop_bound{}; // from SIGTERM to the end, whatever hangs
    asio::steady_timer watchdog{main}, health{main}, expiry{main}, too_long{main}, settled{main};
    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point say_losses_at;
    std::map<std::string, std::string> session_said; // the log's last word on each session
    std::uint64_t submitted_seen = 0;
    bool settling = false;
    bool ready = false, stopping = false;
    int exit_code = 0;

    // Start-up, a step a function; each returns what is wrong, or nothing.
    int run();
    bool load();
    std::string open_state();
    std::string open_audit();
    std::string start_threads();
    std::string open_journal();
    std::string make_rooms();
    std::string bind_listeners();
    std::string bind_control();
    std::string share_journal(); // among the servers of the configuration
    int fail_start(const std::string& problem);
    void plugins_started(const PluginChanges&);
    void start_session(const ServerConfig&);
    std::string capabilities() const; // the plugins', as a JSON array

    // While it runs.
    void expect_signals();
    void watch_signals();
    void wait_signal();
    void on_signal(int sig);
    static std::chrono::milliseconds stop_bound_of(const Config&);
    void finished(const Finished&);
    void feed_watchdog();
    void ask_health();
    void gather_conditions();
    std::vector<Condition> all_conditions();
    void settle_later();
    void expire_journal();
    void say_status();
    bool reconnect(const std::string& name);
    StatusParts status_parts();
    std::string status();

    // Reload: the old configuration stays when the new one is bad.
    void reload(std::function<void(Reloaded)> done);
    void reload_waiting(); // those that were asked for meanwhile
    void plugins_applied(Reloaded, const PluginChanges&, const std::function<void(Reloaded)>& done);
    std::vector<std::string> pending_restart() const; // "agent.state_dir changes at the next start"
    void apply(const LoadResult&, std::vector<FoundPlugin> found, Certificates,
               std::function<void(Reloaded)> done);
    void reload_listeners(const Config& wanted, Certificates, Reloaded& answer);
    void reload_sessions(Reloaded& answer);

    // Shut-down: finish what runs, say goodbye, stop plugins, close the rest.
    void stop(const std::string& why);
    void stop_sessions();
    void stop_plugins();
    void close_listeners();
    void end_threads();
    void tear_down();
};

} // namespace agenthost::host
