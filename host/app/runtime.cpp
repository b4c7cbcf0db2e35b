#include "runtime_impl.hpp"

#include "memory.hpp"
#include "sheet.hpp"
#include "status.hpp"

#include "base/hash.hpp"
#include "host/observe/log.hpp"
#include "host/observe/notify.hpp"

#include <boost/asio/post.hpp>

#include <cstring>
#include <filesystem>
#include <sys/stat.h>

namespace agenthost::host {

namespace {

// Beyond `shutdown` of the configuration: then the loop is left, and at the end, which the manual states, the process.
constexpr auto give_up = 15s, hard_stop = 20s;
constexpr auto tear_down_most = 10s; // joins, a last commit, what waits for the audit and the log
constexpr int exit_failed = 1, exit_config = 78;

// The state directory belongs to one daemon: 0700, and locked while we live.
std::string claim_state(const std::filesystem::path& dir, base::FileLock& lock)
{
    std::error_code error;
    std::filesystem::create_directories(dir.parent_path(), error);
    if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST)
        return "cannot make the state directory " + dir.string() + ": " + std::strerror(errno) +
               ". Make it for this user, or set agent.state_dir to a folder it may write.";
    const auto file = dir / "lock";
    const int refused = lock.acquire(file.string());
    if (refused == EWOULDBLOCK)
        return "another agenthost uses the state directory " + dir.string() +
               ". Stop it, or set another agent.state_dir.";
    if (refused != 0)
        return "cannot write in the state directory " + dir.string() + ": " + std::strerror(refused) +
               ". Give it to the daemon's user, or set agent.state_dir.";
    return {};
}

std::string joined(const std::vector<std::string>& folders)
{
    std::string all;
    for (const auto& folder : folders) all += (all.empty() ? "" : ":") + folder;
    return all;
}

} // namespace

std::vector<std::string> plugin_path(const Config& config, const RuntimePaths& paths)
{
    std::vector<std::string> all;
    for (const auto& folder : config.plugin_path) all.push_back(folder.string());
    if (all.empty()) all = paths.plugin_path;
    return all;
}

// ---- start-up, a step a function; each returns what is wrong, or nothing ----

int Runtime::Impl::run()
{
    expect_signals();
    bound_arenas();
    if (!load()) return exit_config;
    log::init(config->log_level, config->log_format);
    for (const auto& step :
         {&Impl::open_state, &Impl::open_audit, &Impl::start_threads, &Impl::open_journal, &Impl::make_rooms,
          &Impl::share_journal, &Impl::bind_listeners, &Impl::bind_control}) {
        std::string problem;
        try {
            problem = (this->*step)();
        } catch (const std::exception& e) {
            problem = std::string{"cannot start: "} + e.what() + ". Free memory, threads or descriptors.";
        }
        if (!problem.empty()) return fail_start(problem);
    }
    watch_signals();
    started_with = config;
    const auto path = plugin_path(*config, paths);
    plugins->apply(config->plugins, find_plugins(path), joined(path),
                   [this](const auto& changes) { plugins_started(changes); });
    try {
        main.run();
    } catch (const std::exception& e) { // unhandled, it would end in std::terminate() without a log line
        log::error("agenthost", std::string{"unexpected error: "} + e.what() + "; stopping");
        exit_code = exit_failed;
        stopping = true;
    }
    tear_down();
    return exit_code;
}

// No loop has run yet, nor will one: told so, nothing waits for one.
int Runtime::Impl::fail_start(const std::string& problem)
{
    log::error("agenthost", problem);
    notify("STATUS=" + problem + "\nERRNO=1");
    exit_code = exit_failed;
    main.stop();
    tear_down();
    return exit_failed;
}

bool Runtime::Impl::load()
{
    auto loaded = load_config(request);
    for (const auto& warning : loaded.warnings) log::warn("config", warning);
    for (const auto& problem : loaded.problems) log::error("config", problem.text);
    config = loaded.config;
    return config != nullptr;
}

std::string Runtime::Impl::open_state() { return claim_state(config->state_dir, state_lock); }

std::string Runtime::Impl::open_audit()
{
    std::string problem;
    audit.emplace(
        Audit::Options{.file = config->audit_file, .sample = config->audit_sample, .before_write = {}},
        problem);
    return problem;
}

std::string Runtime::Impl::start_threads()
{
    for (std::uint32_t i = 1; i < config->io_threads; ++i) {
        more_io.push_back(std::make_unique<asio::io_context>(1));
        io_work.push_back(asio::make_work_guard(*more_io.back()));
    }
    std::vector<asio::io_context*> all{&main};
    for (auto& io : more_io) all.push_back(io.get());
    loops.emplace(all);
    for (auto& io : more_io) io_threads.emplace_back([&io] { io->run(); });
    return {};
}

std::string Runtime::Impl::open_journal()
try {
    journal.emplace(main.get_executor(),
                    Journal::Options{.file = config->state_dir / "journal.db",
                                     .keep = config->journal_keep,
                                     .rows = config->journal_rows,
                                     .bytes = config->journal_bytes,
                                     .report = [this](std::string_view id, std::string reason) {
                                         conditions.report(id, std::move(reason), Grade::degraded);
                                     }});
    return {};
} catch (const std::exception& e) {
    return e.what();
}

std::string Runtime::Impl::make_rooms()
{
    std::vector<asio::io_context*> io{&main};
    for (auto& more : more_io) io.push_back(more.get());
    listeners.emplace(io);
    listeners->on_renewal([](const std::string& name, const std::string& problem) {
        if (problem.empty())
            log::info("listener " + name, "uses its renewed certificate");
        else
            log::warn("listener " + name, "keeps its old certificate: " + problem);
    });
    Dispatcher::Options options;
    options.agent_id = config->agent_id;
    options.version = AGENTHOST_VERSION;
    options.on_finished = [this](const Finished& f) { finished(f); };
    options.status_json = [this] { return status(); };
    dispatcher.emplace(main.get_executor(), registry, *journal, std::move(options));
    services.emplace(
        Services::Rooms{*dispatcher, facts, metrics, *listeners, config->state_dir.string(),
                        [this](const std::string& id, const std::string& why) { plugins->died(id, why); },
                        [this](const std::string& id) { plugins->changed(id); },
                        [this](std::string_view server) { return network.json_of(server); }});
    network.set(config->servers);
    plugins.emplace(PluginSet::Rooms{.main = main.get_executor(),
                                     .services = *services,
                                     .registry = registry,
                                     .dispatcher = *dispatcher,
                                     .facts = facts,
                                     .runner = paths.runner});
    metrics.source([this](Sheet& sheet) {
        fill_sheet(sheet, {.status = status_parts(),
                           .process = process_cost(),
                           .audit = audit->stats(),
                           .loop_age_s = std::chrono::duration<double>(loops->age()).count(),
                           .log_lost = log::lost()});
    });
    return {};
}

std::string Runtime::Impl::share_journal()
{
    std::vector<std::string> callers{"control"};
    for (const auto& server : config->servers) callers.push_back(server.name);
    journal->share_among(std::move(callers));
    return {};
}

std::string Runtime::Impl::bind_listeners()
{
    for (const auto& listener : config->listeners) {
        if (auto problem = listeners->add(listener); !problem.empty()) return problem;
        listening[listener.name] = listener;
    }
    return {};
}

// Open before the plugins are: who asks hears "starting", and why.
std::string Runtime::Impl::bind_control()
{
    control_listeners.emplace(std::vector<asio::io_context*>{&control_io});
    if (auto problem = control_listeners->add_unix("control", config->control_socket.string());
        !problem.empty())
        return problem;
    control.emplace(main.get_executor(), *control_listeners, *dispatcher,
                    ControlHooks{.stalled = [this] { return loops->stalled(); },
                                 .status = [this] { return status(); },
                                 .plugins = [this] { return plugins_json(plugins->status()); },
                                 .metrics = [this] { return metrics.text(); },
                                 .conditions = [this] { return all_conditions(); },
                                 .ready = [this] { return ready && !stopping; },
                                 .reload = [this](auto done) { reload(std::move(done)); },
                                 .reconnect = [this](const std::string& name) { return reconnect(name); },
                                 .cancel_grace = [this] { return config->limits.cancel_grace; }});
    control->serve("control", false);
    if (!config->metrics_bind.empty()) {
        ListenerConfig metrics_listener;
        metrics_listener.name = "metrics";
        metrics_listener.bind = {config->metrics_bind};
        if (auto problem = control_listeners->add(metrics_listener); !problem.empty()) return problem;
        control->serve("metrics", true);
    }
    control_work.emplace(control_io.get_executor());
    control_thread = std::thread{[this] { control_io.run(); }};
    control_listeners->open();
    return {};
}

void Runtime::Impl::plugins_started(const PluginChanges& changes)
{
    if (stopping) return; // the plugins that were still starting are answered so
    if (!changes.required_failed.empty()) {
        exit_code = exit_failed;
        const auto& first =
            changes.required_failed.front(); // "plugin storage: why", and why is in the log already
        return stop("a required plugin failed: " + first.substr(0, first.find(':')));
    }
    base::sha256({}); // OpenSSL sets itself up now: what that takes is given back with the rest of start-up
    for (const auto& server : config->servers) start_session(server);
    listeners->open();
    for (const auto& listener : listeners->status())
        for (const auto& address : listener.addresses)
            log::info("listener " + listener.name, "listening on " + address);
    ready = true;
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
    log::info("agenthost", "ready: version " AGENTHOST_VERSION ", agent " + config->agent_id + ", " +
                               std::to_string(config->servers.size()) +
                               (config->servers.size() == 1 ? " server" : " servers") + ", started in " +
                               std::to_string(took.count()) + " ms");
    notify("READY=1\nSTATUS=" + std::to_string(config->servers.size()) + " servers configured");
    feed_watchdog();
    ask_health();
    expire_journal();
    settle_later();
    reload_waiting();
}

void Runtime::Impl::start_session(const ServerConfig& server)
{
    SessionContext context{main.get_executor(), *dispatcher,       facts,
                           config->agent_id,    AGENTHOST_VERSION, [this] { say_status(); }};
    context.state_dir = config->state_dir.string();
    context.capabilities = [this] { return capabilities(); };
    context.healthy = [this] { return !conditions.any_but("server "); };
    context.started = started;
    context.on_origin = [this, name = server.name](const std::string& origin) {
        network.set_origin(name, origin);
    };
    context.warn = [name = server.name](const std::string& text) {
        log::write(log::Level::warn, "session " + name, text);
    };
    auto session = make_session(std::move(context), server);
    if (!session) {
        log::error("session " + server.name, "protocol " + server.protocol + " is not spoken by this build");
        return;
    }
    sessions[server.name] = session;
    session->start();
}

// ---- shut-down: finish what runs, say goodbye, stop plugins, close the rest ----

std::chrono::milliseconds Runtime::Impl::stop_bound_of(const Config& config)
{
    return config.shutdown_commands + config.shutdown_sessions + config.shutdown_plugins + hard_stop;
}

void Runtime::Impl::stop(const std::string& why)
{
    if (stopping) return;
    stopping = true;
    log::info("agenthost", "stopping: " + why);
    notify("STOPPING=1\nSTATUS=finishing what runs");
    const auto allowed = config->shutdown_commands + config->shutdown_sessions + config->shutdown_plugins;
    last_resort.arm(stop_bound_of(*config), exit_failed);
    too_long.expires_after(allowed + give_up);
    too_long.async_wait([this](const auto& error) {
        if (error) return;
        log::error("agenthost", "something did not stop in time; ending without it");
        exit_code = exit_failed;
        main.stop();
    });
    reload_waiting(); // answers those
    dispatcher->drain(config->shutdown_commands, [this] { stop_sessions(); });
}

void Runtime::Impl::stop_sessions()
{
    // Also those that a reload replaced and that still say goodbye.
    std::vector<std::shared_ptr<Session>> all;
    for (const auto& [name, session] : sessions) all.push_back(session);
    for (const auto& [name, session] : leaving) all.push_back(session);
    if (all.empty()) return stop_plugins();
    auto left = std::make_shared<std::size_t>(all.size());
    for (const auto& session : all)
        session->stop(config->shutdown_sessions, [this, left] {
            if (--*left == 0) stop_plugins();
        });
}

void Runtime::Impl::stop_plugins()
{
    plugins->stop(config->shutdown_plugins, [this] { close_listeners(); });
}

void Runtime::Impl::close_listeners()
{
    const auto last = [this] { // on the control's thread
        asio::post(main, [this] {
            log::info("agenthost", "stopped");
            main.stop();
        });
    };
    listeners->drain(1s, [this, last] { control_listeners->drain(1s, last); });
}

void Runtime::Impl::end_threads()
{
    control_work.reset();
    control_io.stop();
    if (control_thread.joinable()) control_thread.join();
    io_work.clear();
    for (auto& io : more_io) io->stop();
    for (auto& thread : io_threads) thread.join();
    io_threads.clear();
}

void Runtime::Impl::tear_down()
{
    last_resort.arm(tear_down_most, exit_failed); // a dead mount under the journal or the audit
    end_threads();
    sessions.clear();
    leaving.clear();
    if (control_listeners)
        control_listeners->forget("host"); // connections that are open still know the control's routes
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
    control_listeners.reset();
    audit.reset();
    const bool alone = OffThread::wait_for_all(200ms);
    log::shutdown();
    if (const auto lost = log::lost(); lost > 0)
        notify("STATUS=" + std::to_string(lost) + " log lines were lost: stderr was not read, or too slowly");
    if (!alone) std::quick_exit(exit_code); // a look-up hangs: it may use what exit() takes down
}

Runtime::Runtime(LoadRequest request, RuntimePaths paths)
    : impl_{std::make_unique<Impl>(std::move(request), std::move(paths))}
{}
Runtime::~Runtime() = default;
int Runtime::run() { return impl_->run(); }

} // namespace agenthost::host
