// Another configuration for a running daemon: listeners first (an address may be taken), then plugins, then sessions.
// Files are read on a thread of their own, also certificates and the plugins' manifests: a dead mount must not stop the I/O loop.
#include "runtime_impl.hpp"

#include "base/json_writer.hpp"
#include "host/observe/log.hpp"
#include "host/observe/notify.hpp"

#include <algorithm>
#include <set>

namespace agenthost::host {

namespace {

void note(Reloaded& answer, const std::string& change, const std::string& problem)
{
    if (!problem.empty()) {
        log::error("reload", problem);
        answer.failed.push_back(problem);
    } else if (!change.empty()) {
        answer.changes.push_back(change);
    }
}

Certificates read_certificates(const Config& config)
{
    Certificates read;
    for (const auto& listener : config.listeners) read[listener.name] = Listeners::read_tls(listener);
    return read;
}

} // namespace

void Runtime::Impl::reload(std::function<void(Reloaded)> done)
{
    if (stopping) return done({.problems = {"the daemon is stopping"}});
    if (reloading || !ready) {
        if (reload_waits.size() >= max_reload_waits)
            return done(
                {.problems = {"too many reloads are waiting for the one that runs; try again later"}});
        return reload_waits.push_back(std::move(done));
    }
    struct Read {
        LoadResult loaded;
        std::vector<FoundPlugin> found;
        Certificates certificates;
    };
    reloading = true;
    auto finish = [this, done = std::move(done)](const Reloaded& answer) {
        reloading = false;
        done(answer);
        reload_waiting();
    };
    const bool started = reading.start<Read>(
        main.get_executor(),
        [request = request, paths = paths] {
            Read read{load_config(request), {}, {}};
            if (!read.loaded.config) return read;
            read.found = find_plugins(plugin_path(*read.loaded.config, paths));
            read.certificates = read_certificates(*read.loaded.config);
            return read;
        },
        [this, finish](Read read) {
            apply(read.loaded, std::move(read.found), std::move(read.certificates), finish);
        });
    if (!started)
        finish(
            {.problems = {"too many threads hang in the file system or in name look-ups: nothing was read"}});
}

void Runtime::Impl::reload_waiting()
{
    if (reload_waits.empty()) return;
    reload([waiting = std::exchange(reload_waits, {})](const Reloaded& later) {
        for (const auto& each : waiting) each(later);
    });
}

void Runtime::Impl::apply(const LoadResult& loaded, std::vector<FoundPlugin> found, Certificates certificates,
                          std::function<void(Reloaded)> done)
{
    if (!loaded.config || stopping) {
        Reloaded answer;
        for (const auto& problem : loaded.problems) {
            log::error("config", problem.text);
            answer.problems.push_back(problem.text);
        }
        if (stopping) answer.problems.emplace_back("the daemon is stopping");
        log::error("agenthost", "reload refused: the old configuration stays");
        return done(answer);
    }
    for (const auto& warning : loaded.warnings) log::warn("config", warning);
    notify("RELOADING=1");
    auto answer = std::make_shared<Reloaded>();
    reload_listeners(*loaded.config, std::move(certificates), *answer);
    config = loaded.config;
    network.set(config->servers);
    stop_bound = stop_bound_of(*config);
    log::set_level(config->log_level);
    share_journal();
    std::string path;
    for (const auto& folder : plugin_path(*config, paths)) path += (path.empty() ? "" : ":") + folder;
    plugins->apply(config->plugins, std::move(found), path,
                   [this, answer, done = std::move(done)](const PluginChanges& changes) {
                       plugins_applied(*answer, changes, done);
                   });
}

void Runtime::Impl::plugins_applied(Reloaded answer, const PluginChanges& changes,
                                    const std::function<void(Reloaded)>& done)
{
    if (stopping) return done({.problems = {"the daemon is stopping"}});
    answer.changes.insert(answer.changes.end(), changes.changes.begin(), changes.changes.end());
    reload_sessions(answer);
    for (auto& key : pending_restart()) answer.changes.push_back(std::move(key));
    for (const auto& change : answer.changes) log::info("reload", change);
    answer.notices = changes.notices;
    for (const auto& notice : answer.notices) log::warn("reload", notice);
    answer.failed.insert(answer.failed.end(), changes.failed.begin(), changes.failed.end());
    notify("READY=1");
    done(answer);
}

// Keys that are read when the daemon starts, and only then. Compared with what runs, so a change that was reverted is not reported.
std::vector<std::string> Runtime::Impl::pending_restart() const
{
    const auto keys = [](const Config& c) {
        return std::vector<std::pair<std::string, std::string>>{
            {"agent.state_dir", c.state_dir.string()},
            {"agent.io_threads", std::to_string(c.io_threads)},
            {"log.format", c.log_format},
            {"control.socket", c.control_socket.string()},
            {"metrics.bind", c.metrics_bind},
            {"audit.file", c.audit_file},
            {"journal.keep", std::to_string(c.journal_keep.count())},
            {"journal.rows", std::to_string(c.journal_rows)},
            {"journal.bytes", std::to_string(c.journal_bytes)}};
    };
    std::vector<std::string> all;
    const auto runs = keys(*started_with), wanted = keys(*config);
    for (std::size_t i = 0; i < runs.size(); ++i)
        if (runs[i] != wanted[i]) all.push_back(runs[i].first + " changes at the next start");
    return all;
}

std::string Runtime::Impl::capabilities() const
{
    std::set<std::string> names;
    for (const Action* action : registry.all())
        if (action->keep) names.insert(action->keep->capabilities.begin(), action->keep->capabilities.end());
    std::string out;
    base::JsonWriter{out}.value(names);
    return out;
}

// Compared with what is open, not with the configuration before: one that could not be opened is tried again.
void Runtime::Impl::reload_listeners(const Config& wanted, Certificates certificates, Reloaded& answer)
{
    std::vector<std::string> gone;
    for (const auto& [name, open] : listening)
        if (std::ranges::find(wanted.listeners, name, &ListenerConfig::name) == wanted.listeners.end())
            gone.push_back(name);
    for (const auto& name : gone) {
        note(answer, "listener " + name + ": closed", listeners->remove(name));
        listening.erase(name);
    }
    for (const auto& now : wanted.listeners) {
        const auto old = listening.find(now.name);
        const bool is_new = old == listening.end(), changed = is_new || old->second != now;
        if (!changed && !now.tls) continue;
        auto& certificate = certificates[now.name];
        const auto problem = is_new ? listeners->add(now, std::move(certificate))
                                    : listeners->reload(now, std::move(certificate));
        const char* what = is_new ? ": opened" : ": reloaded";
        note(answer, changed ? "listener " + now.name + what : "", problem);
        if (problem.empty()) listening[now.name] = now;
    }
    listeners->open();
}

void Runtime::Impl::reload_sessions(Reloaded& answer)
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
        if (want != wanted.end()) wanted.erase(want);
        leaving[name] = session;
        // The new session starts when the old one has said goodbye: never two for one agent, also when a later reload wants it back.
        session->stop(config->shutdown_sessions, [this, session, name] {
            leaving.erase(name);
            if (stopping || sessions.contains(name)) return;
            for (const auto& server : config->servers)
                if (server.name == name) start_session(server);
        });
    }
    for (const auto& [name, server] : wanted) {
        answer.changes.push_back("server " + name + ": added");
        if (!leaving.contains(name)) start_session(*server);
    }
}

} // namespace agenthost::host
