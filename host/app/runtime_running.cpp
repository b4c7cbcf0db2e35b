// The running daemon: signals, finished commands, status, reload.
#include "runtime_impl.hpp"

#include "host/observe/log.hpp"
#include "host/observe/notify.hpp"
#include "host/observe/process.hpp"

#include <csignal>
#include <unistd.h>

namespace agenthost::host {

void Runtime::Impl::watch_signals()
{
    bounds.use(*config);
    signals.emplace(loops.control(), loops.main().get_executor(),
                    Signals::Hooks{.on_stop = [this] { bounds.arm_stop(); },
                                   .on_signal = [this](int sig) { on_signal(sig); }});
}

void Runtime::Impl::on_signal(int sig)
{
    if (sig == SIGHUP) return reloader->request([](const Reloaded&) {}); // the result is logged
    if (!phase.stopping) return stop(sig == SIGTERM ? "SIGTERM" : "SIGINT");
    log::warn("agenthost", "a second signal: ending at once");
    phase.exit_code = exit_failed;
    loops.main().stop();
}

void Runtime::Impl::finished(const Finished& f)
{
    upkeep->settle_later();
    metrics.command(f.known ? f.action : std::string_view{}, f.outcome, f.took);
    audit->set_sample(config->audit_sample); // a reload may have changed it
    audit->record({.caller = f.caller,
                   .protocol = f.protocol,
                   .action = f.action,
                   .id = f.id,
                   .code = f.code,
                   .outcome = f.outcome,
                   .took = f.took,
                   .effects = f.effects,
                   .audited = f.audited});
}

// ---- status ----

ControlHooks Runtime::Impl::control_hooks()
{
    return {.stalled = [this] { return loops.watch().stalled(); },
            .status = [this] { return status(); },
            .plugins = [this] { return plugins_json(plugins->status()); },
            .metrics = [this] { return metrics.text(); },
            .conditions = [this] { return health->conditions(); },
            .ready = [this] { return phase.ready && !phase.stopping; },
            .reload = [this](auto done) { reloader->request(std::move(done)); },
            .reconnect = [this](const std::string& name) { return sessions->reconnect(name); },
            .cancel_grace = [this] { return config->limits.cancel_grace; }};
}

StatusParts Runtime::Impl::status_parts()
{
    StatusParts parts;
    parts.conditions = health->conditions();
    parts.agent_id = config->agent_id;
    parts.version = AGENTHOST_VERSION;
    parts.pid = static_cast<int>(::getpid());
    parts.uptime_s =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - phase.started)
            .count();
    parts.ready = phase.ready;
    parts.draining = phase.stopping;
    parts.servers = sessions->status();
    parts.listeners = listeners->listeners().status();
    for (auto& one : control->status()) parts.listeners.push_back(std::move(one));
    parts.plugins = plugins->status();
    parts.dispatch = dispatcher->stats();
    parts.journal = journal->stats();
    return parts;
}

std::string Runtime::Impl::status()
{
    auto parts = status_parts();
    parts.process = process_cost();
    parts.audit = audit->stats();
    parts.facts = facts.json();
    return status_json(parts);
}

// ---- reload: listeners first, because an address may be in use; then plugins, then sessions ----

void Runtime::Impl::apply(Reloader::Read read, Reloader::Done done)
{
    const LoadResult& loaded = read.loaded;
    if (!loaded.config || phase.stopping) {
        Reloaded answer;
        for (const auto& problem : loaded.problems) {
            log::error("config", problem.text);
            answer.problems.push_back(problem.text);
        }
        if (phase.stopping) answer.problems.emplace_back("the daemon is stopping");
        log::error("agenthost", "reload refused: the old configuration stays");
        return done(answer);
    }
    for (const auto& warning : loaded.warnings) log::warn("config", warning);
    notify("RELOADING=1");
    auto answer = std::make_shared<Reloaded>();
    listeners->reload(*loaded.config, std::move(read.certificates), *answer);
    const auto pending = pending_restart(*phase.started_with, *loaded.config);
    config = loaded.config;
    // Every part has the id of the start until the next one; half of them would otherwise report another.
    if (config->agent_id != phase.started_with->agent_id) {
        auto same_agent = std::make_shared<Config>(*config);
        same_agent->agent_id = phase.started_with->agent_id;
        config = std::move(same_agent);
    }
    sessions->set_config(config);
    network.set(config->servers);
    bounds.use(*config);
    log::set_level(config->log_level);
    share_journal();
    plugins->apply(config->plugins, std::move(read.found), joined(plugin_path(*config, paths)),
                   [this, answer, pending, done = std::move(done)](const PluginChanges& changes) {
                       plugins_applied(*answer, changes, pending, done);
                   });
}

void Runtime::Impl::plugins_applied(Reloaded answer, const PluginChanges& changes,
                                    const std::vector<std::string>& pending, const Reloader::Done& done)
{
    if (phase.stopping) return done({.problems = {"the daemon is stopping"}});
    const auto add = [&answer](const std::vector<std::string>& more) {
        answer.changes.insert(answer.changes.end(), more.begin(), more.end());
    };
    add(changes.changes);
    add(sessions->use(config));
    add(pending);
    for (const auto& change : answer.changes) log::info("reload", change);
    answer.notices = changes.notices;
    for (const auto& notice : answer.notices) log::warn("reload", notice);
    answer.failed.insert(answer.failed.end(), changes.failed.begin(), changes.failed.end());
    notify("READY=1");
    done(answer);
}

} // namespace agenthost::host
