#include "runtime_impl.hpp"

#include "memory.hpp"
#include "status_metrics.hpp"

#include "base/hash.hpp"
#include "host/observe/log.hpp"
#include "host/observe/notify.hpp"

#include <boost/asio/post.hpp>

#include <cstring>
#include <filesystem>
#include <sys/stat.h>

namespace agenthost::host {

using namespace std::chrono_literals;

namespace {

// If shutdown takes this much longer than `shutdown` of the configuration allows, the main loop is left.
constexpr auto give_up = 15s;

// Only one daemon may use the state directory: it has mode 0700 and stays locked until the process ends.
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

} // namespace

std::string joined(const std::vector<std::string>& folders)
{
    std::string all;
    for (const auto& folder : folders) all += (all.empty() ? "" : ":") + folder;
    return all;
}

// ---- start-up: one function per step; each returns a problem, or an empty string ----

int Runtime::Impl::run()
{
    Signals::expect();
    bound_arenas();
    if (!load()) return exit_config;
    log::init(config->log_level, config->log_format);
    for (const auto& step :
         {&Impl::open_state, &Impl::open_audit, &Impl::start_threads, &Impl::open_journal, &Impl::make_parts,
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
    start_plugins();
    try {
        loops.main().run();
    } catch (const std::exception& e) {
        // Otherwise std::terminate() would end the process without a log line.
        log::error("agenthost", std::string{"unexpected error: "} + e.what() + "; stopping");
        phase.exit_code = exit_failed;
        phase.stopping = true;
    }
    tear_down();
    return phase.exit_code;
}

// The main loop is stopped first, so that no destructor waits for a loop that never ran.
int Runtime::Impl::fail_start(const std::string& problem)
{
    log::error("agenthost", problem);
    notify("STATUS=" + problem + "\nERRNO=1");
    phase.exit_code = exit_failed;
    loops.main().stop();
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
    loops.start(config->io_threads);
    return {};
}

std::string Runtime::Impl::open_journal()
try {
    journal.emplace(loops.main().get_executor(),
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

std::string Runtime::Impl::make_parts()
{
    const auto main = loops.main().get_executor();
    listeners.emplace(loops.connections());
    Dispatcher::Options options;
    options.agent_id = config->agent_id;
    options.version = AGENTHOST_VERSION;
    options.on_finished = [this](const Finished& f) { finished(f); };
    options.status_json = [this] { return status(); };
    dispatcher.emplace(main, registry, *journal, std::move(options));
    services.emplace(
        Services::Parts{*dispatcher, facts, metrics, listeners->listeners(), config->state_dir.string(),
                        [this](const std::string& id, const std::string& why) { plugins->died(id, why); },
                        [this](const std::string& id) { plugins->changed(id); },
                        [this](std::string_view caller) { return network.json_of(caller); }});
    network.set(config->servers);
    plugins.emplace(PluginSet::Parts{.main = main,
                                     .services = *services,
                                     .registry = registry,
                                     .dispatcher = *dispatcher,
                                     .facts = facts,
                                     .runner = paths.runner});
    sessions.emplace(SessionTable::Parts{.main = main,
                                         .dispatcher = *dispatcher,
                                         .facts = facts,
                                         .registry = registry,
                                         .conditions = conditions,
                                         .network = network,
                                         .started = phase.started});
    upkeep.emplace(main, *dispatcher, *journal);
    health.emplace(main, Health::Parts{.plugins = *plugins,
                                       .sessions = *sessions,
                                       .listeners = listeners,
                                       .journal = *journal,
                                       .conditions = conditions,
                                       .journal_file = (config->state_dir / "journal.db").string(),
                                       .any_fd = state_lock.fd()});
    reloader.emplace(
        main,
        [again = reload_request(request, *config), paths = paths] {
            return read_configuration(again, paths);
        },
        [this](Reloader::Read read, Reloader::Done done) { apply(std::move(read), std::move(done)); });
    metrics.source([this](Sheet& sheet) {
        write_status_metrics(sheet, {.status = status_parts(),
                                     .process = process_cost(),
                                     .audit = audit->stats(),
                                     .loop_age_s = std::chrono::duration<double>(loops.watch().age()).count(),
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

std::string Runtime::Impl::bind_listeners() { return listeners->bind(*config); }

// Opened before the plugins start, so that callers can see that the daemon is starting, and why it is not
// ready.
std::string Runtime::Impl::bind_control()
{
    control.emplace(loops.control());
    auto problem = control->bind(*config, loops.main().get_executor(), *dispatcher, control_hooks());
    if (!problem.empty()) return problem;
    loops.start_control();
    control->open();
    return {};
}

void Runtime::Impl::start_plugins()
{
    phase.started_with = config;
    dispatcher->hold_events();
    const auto path = plugin_path(*config, paths);
    plugins->apply(config->plugins, find_plugins(path), joined(path),
                   [this](const auto& changes) { plugins_started(changes); });
}

void Runtime::Impl::plugins_started(const PluginChanges& changes)
{
    if (phase.stopping) return; // stop() was called while plugins were starting
    if (!changes.required_failed.empty()) {
        phase.exit_code = exit_failed;
        // "plugin storage: REASON"; the reason has been logged.
        const auto& first = changes.required_failed.front();
        return stop("a required plugin failed: " + first.substr(0, first.find(':')));
    }
    // Initializes OpenSSL now, so that the memory it needs only for that is released with that of start-up.
    base::sha256({});
    sessions->start(config);
    dispatcher->release_events();
    listeners->open();
    phase.ready = true;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                            phase.started);
    log::info("agenthost", "ready: version " AGENTHOST_VERSION ", agent " + config->agent_id + ", " +
                               std::to_string(config->servers.size()) +
                               (config->servers.size() == 1 ? " server" : " servers") + ", started in " +
                               std::to_string(took.count()) + " ms");
    notify("READY=1\nSTATUS=" + std::to_string(config->servers.size()) + " servers configured");
    health->begin();
    upkeep->begin();
    reloader->open();
}

// ---- shutdown: finish running commands, close sessions, stop plugins, close the rest ----

void Runtime::Impl::stop(const std::string& why)
{
    if (phase.stopping) return;
    phase.stopping = true;
    log::info("agenthost", "stopping: " + why);
    notify("STOPPING=1\nSTATUS=finishing what runs");
    bounds.arm_stop();
    loops.leave_after(StopBounds::allowed(*config) + give_up, [this] {
        log::error("agenthost", "something did not stop in time; ending without it");
        phase.exit_code = exit_failed;
    });
    reloader->close();
    sessions->close();
    dispatcher->drain(config->shutdown_commands, [this] { sessions->stop([this] { stop_plugins(); }); });
}

void Runtime::Impl::stop_plugins()
{
    plugins->stop(config->shutdown_plugins, [this] { close_listeners(); });
}

void Runtime::Impl::close_listeners()
{
    // Called on the control thread.
    const auto last = [this] {
        boost::asio::post(loops.main(), [this] {
            log::info("agenthost", "stopped");
            loops.main().stop();
        });
    };
    listeners->listeners().drain(1s, [this, last] { control->drain(1s, last); });
}

void Runtime::Impl::tear_down()
{
    bounds.arm_tear_down();
    loops.end();
    sessions.reset();
    if (control) control->close();
    if (phase.exit_code == exit_failed && phase.stopping) {
        // Something hangs, and destructors could wait for it forever. The journal's committed rows are safe.
        log::shutdown();
        std::quick_exit(phase.exit_code);
    }
    plugins.reset();
    dispatcher.reset();
    journal.reset();
    listeners.reset();
    control.reset();
    audit.reset();
    const bool alone = OffThread::wait_for_all(200ms);
    log::shutdown();
    if (const auto lost = log::lost(); lost > 0)
        notify("STATUS=" + std::to_string(lost) + " log lines were lost: stderr was not read, or too slowly");
    // A DNS lookup is stuck; its thread may use objects that exit() would destroy.
    if (!alone) std::quick_exit(phase.exit_code);
}

Runtime::Runtime(LoadRequest request, RuntimePaths paths)
    : impl_{std::make_unique<Impl>(std::move(request), std::move(paths))}
{}
Runtime::~Runtime() = default;
int Runtime::run() { return impl_->run(); }

} // namespace agenthost::host
