#include "runtime.hpp"

#include "control.hpp"
#include "memory.hpp"
#include "plugin_set.hpp"
#include "services.hpp"
#include "status.hpp"

#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/facts.hpp"
#include "host/dispatch/journal.hpp"
#include "host/dispatch/registry.hpp"
#include "host/listener/listener.hpp"
#include "host/observe/log.hpp"
#include "host/observe/metrics.hpp"
#include "host/observe/notify.hpp"
#include "host/session/session.hpp"
#include "kit/fd.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <list>
#include <map>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>

namespace agenthost::host {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto drain_grace = 10s;     // for running commands at SIGTERM; systemd would kill after 90 s
constexpr auto goodbye_grace = 5s;    // for a session to flush what is queued
constexpr auto plugin_grace = 10s;    // drain() until drained()
constexpr auto hard_stop = 45s;       // whatever hangs by then is left to the kernel
constexpr auto settle = 3s;           // sessions are up by then, or wait
constexpr auto health_interval = 30s; // plugins are asked how they are
constexpr int exit_failed = 1, exit_config = 78;

// The state directory belongs to one daemon: 0700, and locked while we live.
std::string claim_state(const std::filesystem::path& dir, kit::Fd& lock)
{
    std::error_code error;
    std::filesystem::create_directories(dir.parent_path(), error);
    if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST)
        return "cannot make the state directory " + dir.string() + ": " + std::strerror(errno) +
               ". Make it for this user, or set agent.state_dir to a folder it may write.";
    const auto file = dir / "lock";
    lock.reset(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock)
        return "cannot write in the state directory " + dir.string() + ": " + std::strerror(errno) +
               ". Give it to the daemon's user, or set agent.state_dir.";
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return "another agenthost uses the state directory " + dir.string() + ". Stop it, or set another agent.state_dir.";
    return {};
}

// Adds the default paths; the configuration's come first.
std::vector<std::string> plugin_path(const Config& config, const RuntimePaths& paths)
{
    std::vector<std::string> all;
    for (const auto& folder : config.plugin_path) all.push_back(folder.string());
    if (all.empty()) all = paths.plugin_path;
    return all;
}

} // namespace

struct Runtime::Impl {
    Impl(LoadRequest request, RuntimePaths paths) : request{std::move(request)}, paths{std::move(paths)} {}

    // Declared in the order they are needed; destroyed the other way round.
    LoadRequest request;
    RuntimePaths paths;
    ConfigPtr config;
    kit::Fd state_lock;
    asio::io_context main{1};
    std::vector<std::unique_ptr<asio::io_context>> more_io;
    std::vector<std::thread> io_threads;
    std::vector<asio::executor_work_guard<asio::io_context::executor_type>> io_work;
    Metrics metrics;
    Facts facts;
    Registry registry;
    std::optional<Journal> journal;
    std::optional<Listeners> listeners;
    std::optional<Dispatcher> dispatcher;
    std::optional<Services> services;
    std::optional<PluginSet> plugins;
    std::optional<Control> control;
    std::map<std::string, std::shared_ptr<Session>> sessions;
    asio::signal_set signals{main};
    asio::steady_timer watchdog{main}, health{main}, expiry{main}, last_resort{main}, settled{main};
    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
    std::uint64_t submitted_seen = 0, submitted_released = 0;
    bool ready = false, stopping = false;
    int exit_code = 0;

    // ---- start-up, a step a function; each returns what is wrong, or nothing ----

    int run()
    {
        bound_arenas();
        if (!load()) return exit_config;
        log::init(config->log_level, config->log_format);
        for (const auto& step : {&Impl::open_state, &Impl::start_threads, &Impl::open_journal, &Impl::make_rooms, &Impl::bind_listeners}) {
            if (const auto problem = (this->*step)(); !problem.empty()) {
                log::error("agenthost", problem);
                notify("STATUS=" + problem + "\nERRNO=1");
                end_threads();
                log::shutdown();
                return exit_failed;
            }
        }
        watch_signals();
        plugins->start(config->plugins, [this](const auto& required_failed) { plugins_started(required_failed); });
        main.run();
        tear_down();
        return exit_code;
    }

    bool load()
    {
        auto loaded = load_config(request);
        for (const auto& warning : loaded.warnings) log::warn("config", warning);
        for (const auto& problem : loaded.problems) log::error("config", problem.text);
        config = loaded.config;
        return config != nullptr;
    }

    std::string open_state() { return claim_state(config->state_dir, state_lock); }

    std::string start_threads()
    {
        for (std::uint32_t i = 1; i < config->io_threads; ++i) {
            more_io.push_back(std::make_unique<asio::io_context>(1));
            io_work.push_back(asio::make_work_guard(*more_io.back()));
        }
        for (auto& io : more_io) io_threads.emplace_back([&io] { io->run(); });
        return {};
    }

    std::string open_journal()
    try {
        journal.emplace(main.get_executor(), Journal::Options{.file = config->state_dir / "journal.db",
                                                              .keep = config->journal_keep,
                                                              .rows = config->journal_rows});
        return {};
    } catch (const std::exception& e) {
        return e.what();
    }

    std::string make_rooms()
    {
        std::vector<asio::io_context*> io{&main};
        for (auto& more : more_io) io.push_back(more.get());
        listeners.emplace(io);
        Dispatcher::Options options;
        options.agent_id = config->agent_id;
        options.version = AGENTHOST_VERSION;
        options.on_finished = [this](const Finished& f) { finished(f); };
        options.status_json = [this] { return status(); };
        dispatcher.emplace(main.get_executor(), registry, *journal, std::move(options));
        services.emplace(Services::Rooms{*dispatcher, facts, metrics, *listeners, config->state_dir.string(),
                                         [this](const std::string& id, const std::string& why) { plugins->died(id, why); }});
        plugins.emplace(PluginSet::Rooms{main.get_executor(), *services, registry, *dispatcher, facts, plugin_path(*config, paths),
                                         paths.runner});
        add_gauges();
        return {};
    }

    std::string bind_listeners()
    {
        for (const auto& listener : config->listeners)
            if (auto problem = listeners->add(listener); !problem.empty()) return problem;
        if (auto problem = listeners->add_unix("control", config->control_socket.string()); !problem.empty()) return problem;
        control.emplace(main.get_executor(), *listeners, *dispatcher,
                        ControlHooks{.status = [this] { return status(); },
                                     .plugins = [this] { return plugins_json(plugins->status()); },
                                     .metrics = [this] { return metrics.text(); },
                                     .problems = [this] { return problems(); },
                                     .ready = [this] { return ready && !stopping; },
                                     .reload = [this](auto done) { reload(std::move(done)); },
                                     .reconnect = [this](const std::string& name) { return reconnect(name); }});
        control->serve("control", false);
        if (!config->metrics_bind.empty()) {
            ListenerConfig metrics_listener;
            metrics_listener.name = "metrics";
            metrics_listener.bind = config->metrics_bind;
            if (auto problem = listeners->add(metrics_listener); !problem.empty()) return problem;
            control->serve("metrics", true);
        }
        return {};
    }

    void plugins_started(const std::vector<std::string>& required_failed)
    {
        if (!required_failed.empty()) {
            for (const auto& problem : required_failed) log::error("agenthost", "a required plugin failed: " + problem);
            exit_code = exit_failed;
            return stop("a required plugin failed");
        }
        if (stopping) return;
        for (const auto& server : config->servers) start_session(server);
        listeners->open();
        ready = true;
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
        log::info("agenthost", "ready: version " AGENTHOST_VERSION ", agent " + config->agent_id + ", " +
                                   std::to_string(config->servers.size()) + " servers, started in " + std::to_string(took.count()) + " ms");
        notify("READY=1\nSTATUS=" + std::to_string(config->servers.size()) + " servers configured");
        feed_watchdog();
        ask_health();
        expire_journal();
        settled.expires_after(settle);
        settled.async_wait([](const auto& error) {
            if (!error) release_idle_memory();
        });
    }

    void start_session(const ServerConfig& server)
    {
        SessionContext context{main.get_executor(), *dispatcher, facts, config->agent_id, AGENTHOST_VERSION, [this] { say_status(); }};
        auto session = make_session(std::move(context), server);
        if (!session) {
            log::error("session " + server.name, "protocol " + server.protocol + " is not spoken by this build");
            return;
        }
        sessions[server.name] = session;
        session->start();
    }

    // ---- while it runs ----

    void watch_signals()
    {
        std::signal(SIGPIPE, SIG_IGN); // a peer that closes is an error code, not a signal
        for (int sig : {SIGTERM, SIGINT, SIGHUP}) signals.add(sig);
        wait_signal();
    }

    void wait_signal()
    {
        signals.async_wait([this](const boost::system::error_code& error, int sig) {
            if (error) return;
            if (sig == SIGHUP) {
                reload([](const Reloaded&) {}); // its words are in the log
            } else if (stopping) {
                log::warn("agenthost", "a second signal: ending at once");
                exit_code = exit_failed;
                main.stop();
                return;
            } else {
                stop(sig == SIGTERM ? "SIGTERM" : "SIGINT");
            }
            wait_signal();
        });
    }

    void finished(const Finished& f)
    {
        metrics.command(f.action, f.code.empty(), f.took);
        // Commands with effects all leave a line; others only when someone looks closely.
        const auto level = f.effects ? log::Level::info : log::Level::debug;
        if (!log::enabled(level)) return;
        log::write(level, "audit",
                   std::string{f.caller} + " " + std::string{f.action} + " " + std::string{f.id} + ": " +
                       (f.code.empty() ? "success" : std::string{f.code}) + " in " + std::to_string(f.took.count() / 1000) + " us");
    }

    void feed_watchdog()
    {
        const auto every = watchdog_interval();
        if (!every) return;
        notify("WATCHDOG=1"); // from the I/O loop: when it stands still, systemd hears nothing
        watchdog.expires_after(*every);
        watchdog.async_wait([this](const auto& error) {
            if (!error) feed_watchdog();
        });
    }

    void ask_health()
    {
        plugins->check_health();
        // Idle since the last look, after work: what that touched goes back as well.
        const auto stats = dispatcher->stats();
        if (stats.in_flight == 0 && stats.submitted == submitted_seen && stats.submitted != submitted_released) {
            release_idle_memory();
            submitted_released = stats.submitted;
        }
        submitted_seen = stats.submitted;
        health.expires_after(health_interval);
        health.async_wait([this](const auto& error) {
            if (!error) ask_health();
        });
    }

    void expire_journal()
    {
        journal->expire();
        expiry.expires_after(1h);
        expiry.async_wait([this](const auto& error) {
            if (!error) expire_journal();
        });
    }

    void say_status()
    {
        std::size_t up = 0;
        for (const auto& [name, session] : sessions) up += session->status().state == "ready";
        notify("STATUS=" + std::to_string(up) + " of " + std::to_string(sessions.size()) + " servers connected");
    }

    bool reconnect(const std::string& name)
    {
        const auto at = sessions.find(name);
        if (at == sessions.end()) return false;
        at->second->reconnect();
        return true;
    }

    std::vector<std::string> problems() const
    {
        auto all = plugins->problems();
        for (const auto& [name, session] : sessions) {
            const auto status = session->status();
            if (status.state != "ready") all.push_back("server " + name + ": " + status.state + (status.problem.empty() ? "" : ", " + status.problem));
        }
        return all;
    }

    std::string status() const
    {
        StatusParts parts;
        parts.agent_id = config->agent_id;
        parts.version = AGENTHOST_VERSION;
        parts.pid = static_cast<int>(::getpid());
        parts.uptime_s = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started).count();
        parts.ready = ready;
        parts.draining = stopping;
        for (const auto& [name, session] : sessions) parts.servers.push_back(session->status());
        parts.listeners = listeners->status();
        parts.plugins = plugins->status();
        parts.dispatch = dispatcher->stats();
        parts.journal = journal->stats();
        parts.facts = facts.json();
        return status_json(parts);
    }

    void add_gauges()
    {
        metrics.gauge("agenthost_ready", "1 when plugins run and sessions were started.", [this] { return ready && !stopping; });
        metrics.gauge("agenthost_sessions_ready", "Servers connected and authenticated.", [this] {
            double up = 0;
            for (const auto& [name, session] : sessions) up += session->status().state == "ready";
            return up;
        });
        metrics.gauge("agenthost_commands_in_flight", "Commands admitted and not answered.",
                      [this] { return static_cast<double>(dispatcher->stats().in_flight); });
        metrics.gauge("agenthost_journal_rows", "Rows in the journal.", [this] { return static_cast<double>(journal->stats().rows); });
        metrics.gauge("agenthost_journal_undelivered", "Results no server has confirmed.",
                      [this] { return static_cast<double>(journal->stats().undelivered); });
        metrics.gauge("agenthost_dropped_events", "Events that found no room or no words.",
                      [this] { return static_cast<double>(dispatcher->stats().dropped_events); });
    }

    // ---- reload: the old configuration stays when the new one is bad ----

    void reload(std::function<void(Reloaded)> done)
    {
        auto loaded = load_config(request);
        if (!loaded.config) {
            Reloaded answer;
            for (const auto& problem : loaded.problems) {
                log::error("config", problem.text);
                answer.problems.push_back(problem.text);
            }
            log::error("agenthost", "reload refused: the old configuration stays");
            return done(answer);
        }
        for (const auto& warning : loaded.warnings) log::warn("config", warning);
        notify("RELOADING=1");
        auto answer = std::make_shared<Reloaded>();
        reload_listeners(*loaded.config, *answer);
        const auto old = std::exchange(config, loaded.config);
        log::set_level(config->log_level);
        plugins->apply(config->plugins, [this, old, answer, done = std::move(done)](const std::vector<std::string>& changes) {
            answer->changes.insert(answer->changes.end(), changes.begin(), changes.end());
            reload_sessions(*answer);
            for (const auto& [key, a, b] : {std::tuple{"agent.state_dir", old->state_dir, config->state_dir},
                                            std::tuple{"control.socket", old->control_socket, config->control_socket}})
                if (a != b) answer->changes.push_back(std::string{key} + " changes at the next start");
            for (const auto& change : answer->changes) log::info("reload", change);
            notify("READY=1");
            done(*answer);
        });
    }

    void reload_listeners(const Config& wanted, Reloaded& answer)
    {
        const auto find = [](const std::vector<ListenerConfig>& all, const std::string& name) {
            return std::ranges::find(all, name, &ListenerConfig::name);
        };
        for (const auto& old : config->listeners)
            if (find(wanted.listeners, old.name) == wanted.listeners.end()) note(answer, "listener " + old.name + ": closed", listeners->remove(old.name));
        for (const auto& now : wanted.listeners) {
            const auto old = find(config->listeners, now.name);
            if (old == config->listeners.end()) note(answer, "listener " + now.name + ": opened", listeners->add(now));
            else if (*old != now || now.tls) note(answer, *old == now ? "" : "listener " + now.name + ": reloaded", listeners->reload(now));
        }
        listeners->open();
    }

    static void note(Reloaded& answer, const std::string& change, const std::string& problem)
    {
        if (!problem.empty()) answer.changes.push_back(problem);
        else if (!change.empty()) answer.changes.push_back(change);
    }

    void reload_sessions(Reloaded& answer)
    {
        std::map<std::string, const ServerConfig*> wanted;
        for (const auto& server : config->servers) wanted[server.name] = &server;
        for (auto at = sessions.begin(); at != sessions.end();) {
            const auto want = wanted.find(at->first);
            if (want != wanted.end() && *want->second == at->second->config()) {
                wanted.erase(want);
                ++at;
                continue;
            }
            auto session = at->second;
            const auto name = at->first;
            answer.changes.push_back("server " + name + (want == wanted.end() ? ": removed" : ": changed"));
            at = sessions.erase(at);
            const bool again = want != wanted.end();
            // The new session starts when the old one has said goodbye: never two for one agent.
            session->stop(goodbye_grace, [this, session, name, again] {
                if (!again || stopping) return;
                for (const auto& server : config->servers)
                    if (server.name == name && !sessions.contains(name)) start_session(server);
            });
            if (again) wanted.erase(want);
        }
        for (const auto& [name, server] : wanted) {
            answer.changes.push_back("server " + name + ": added");
            start_session(*server);
        }
    }

    // ---- shut-down: finish what runs, say goodbye, stop plugins, close the rest ----

    void stop(const std::string& why)
    {
        if (stopping) return;
        stopping = true;
        log::info("agenthost", "stopping: " + why);
        notify("STOPPING=1\nSTATUS=finishing what runs");
        last_resort.expires_after(hard_stop);
        last_resort.async_wait([this](const auto& error) {
            if (error) return;
            log::error("agenthost", "something did not stop in time; ending without it");
            exit_code = exit_failed;
            main.stop();
        });
        dispatcher->drain(drain_grace, [this] { stop_sessions(); });
    }

    void stop_sessions()
    {
        if (sessions.empty()) return stop_plugins();
        auto left = std::make_shared<std::size_t>(sessions.size());
        for (const auto& [name, session] : sessions)
            session->stop(goodbye_grace, [this, left] {
                if (--*left == 0) stop_plugins();
            });
    }

    void stop_plugins()
    {
        plugins->stop(plugin_grace, [this] { close_listeners(); });
    }

    void close_listeners()
    {
        listeners->drain(1s, [this] {
            log::info("agenthost", "stopped");
            main.stop();
        });
    }

    void end_threads()
    {
        io_work.clear();
        for (auto& io : more_io) io->stop();
        for (auto& thread : io_threads) thread.join();
        io_threads.clear();
    }

    void tear_down()
    {
        end_threads();
        sessions.clear();
        control.reset();
        if (exit_code == exit_failed && stopping) {
            // Something hangs: running destructors could wait for it for ever. The journal's committed rows are safe by design.
            log::shutdown();
            std::quick_exit(exit_code);
        }
        plugins.reset();
        dispatcher.reset();
        journal.reset();
        listeners.reset();
        log::shutdown();
    }
};

Runtime::Runtime(LoadRequest request, RuntimePaths paths) : impl_{std::make_unique<Impl>(std::move(request), std::move(paths))} {}
Runtime::~Runtime() = default;
int Runtime::run() { return impl_->run(); }

} // namespace agenthost::host
