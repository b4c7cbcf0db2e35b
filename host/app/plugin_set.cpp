#include "plugin_set.hpp"

#include "services.hpp"

#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/facts.hpp"
#include "host/dispatch/registry.hpp"
#include "host/observe/log.hpp"
#include "host/schema/error_text.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace agenthost::host {

using Machine = PluginMachine;
using Stage = PluginMachine::Stage;

namespace {

// Time for a plugin that a reload stops. At shutdown `shutdown.plugins` applies.
constexpr std::chrono::seconds reload_grace{10};

std::string join(const std::vector<std::string>& texts)
{
    std::string all;
    for (const auto& text : texts) all += (all.empty() ? "" : "; ") + text;
    return all;
}

std::string log_part(const std::string& id) { return "plugin " + id; }

std::string not_installed(const PluginConfig& config, const std::string& path)
{
    return config.where + ": plugin " + config.id + " is enabled, but no " + config.id +
           ".manifest.json lies in " + path + ". Install its package (agenthost-plugin-" + config.id +
           "), add its folder to agent.plugin_path, or disable it.";
}

} // namespace

template <class F> auto PluginSet::while_here(F f)
{
    return [here = std::weak_ptr{here_}, f = std::move(f)](auto&&... arguments) mutable {
        if (here.lock()) f(std::forward<decltype(arguments)>(arguments)...);
    };
}

PluginSet::PluginSet(Parts parts)
    : parts_{std::move(parts)}, grace_{reload_grace}, batches_{[this](const std::string& id) {
          return restart_notice(id);
      }}
{
    if (!parts_.make)
        parts_.make = [this](const FoundPlugin& found, const PluginConfig& config) {
            return make_plugin(parts_.main, parts_.services, found, config, parts_.runner);
        };
}

PluginSet::~PluginSet()
{
    here_.reset();
    for (auto& [id, entry] : entries_) {
        if (entry.offered) parts_.registry.remove(*entry.plugin);
        parts_.registry.available(id);
    }
}

// --- requests

void PluginSet::apply(const std::vector<PluginConfig>& wanted, std::vector<FoundPlugin> found,
                      const std::string& path, Done done)
{
    const auto batch = closed_ ? nullptr : batches_.open(done);
    if (!batch) {
        PluginChanges refused;
        refused.failed.emplace_back(closed_ ? "the daemon is stopping"
                                            : "too many reloads wait for plugins; try again later");
        return done(refused);
    }
    std::vector<std::string> gone;
    for (const auto& [id, entry] : entries_)
        if (std::ranges::none_of(wanted, [&](const auto& c) { return c.id == id && c.enabled; }))
            gone.push_back(id);
    for (const auto& id : gone) feed(id, Machine::Remove{batches_.expect(batch)});
    for (const auto& config : wanted) {
        if (!config.enabled) continue;
        const auto at = std::ranges::find(found, config.id, &FoundPlugin::id);
        request(config, at == found.end() ? nullptr : &*at, path, batch);
    }
    batches_.close(*batch);
}

void PluginSet::request(const PluginConfig& config, const FoundPlugin* found, const std::string& path,
                        const std::shared_ptr<PluginBatches::Batch>& batch)
{
    const auto& id = config.id;
    Entry& entry = entries_[id];
    const auto& running = entry.machine.running();
    Machine::Run run{{.config = config.config_json, .isolated = config.isolated, .file = {}}, 0};
    entry.config = config;
    entry.path = path;
    if (running && (!found || !found->manifest)) {
        // An unreadable folder does not stop a running plugin.
        batch->add_failed(log_part(id) + ": " +
                          sentence(found ? found->problem : not_installed(config, path)) +
                          " The plugin goes on running as it was loaded.");
    } else {
        entry.found = found ? std::make_shared<FoundPlugin>(*found) : nullptr;
    }
    run.spec.file = entry.found ? entry.found->identity : ""; // the files that start() would use
    if (config.required) batch->require(id);
    run.waiter = batches_.expect(batch);
    feed(id, std::move(run));
}

std::string PluginSet::restart_notice(const std::string& id) const
{
    const auto at = entries_.find(id);
    if (at == entries_.end() || !at->second.machine.needs_restart() || !at->second.found) return {};
    const auto& entry = at->second;
    const auto now = entry.found->manifest ? entry.found->manifest->version : "?";
    const auto runs = entry.manifest ? entry.manifest->version : "?";
    return log_part(id) + ": its files on disk have changed (version " + now + "), and version " + runs +
           " goes on running: a library stays loaded until the process ends. Restart agenthost to run the "
           "new one.";
}

void PluginSet::stop(std::chrono::milliseconds grace, std::function<void()> done)
{
    closed_ = true;
    grace_ = grace;
    auto left = std::make_shared<std::size_t>(entries_.size() + 1);
    const auto one_less = [left, done = std::move(done)] {
        if (--*left == 0) done();
    };
    std::vector<std::string> ids;
    for (const auto& [id, entry] : entries_) ids.push_back(id);
    for (const auto& id : ids)
        feed(id, Machine::Close{batches_.expect([one_less](const auto&, const auto&) { one_less(); })});
    boost::asio::post(parts_.main, while_here(one_less));
}

// --- the event queue

void PluginSet::feed(const std::string& id, Machine::Event event)
{
    events_.emplace_back(id, std::move(event));
    if (std::exchange(stepping_, true)) return; // the running loop handles it
    while (!events_.empty()) {
        auto [of, next] = std::move(events_.front());
        events_.pop_front();
        const auto at = entries_.find(of);
        if (at == entries_.end()) continue;
        for (auto& action : at->second.machine.step(std::move(next))) perform(of, action);
        after_step(of);
    }
    stepping_ = false;
}

void PluginSet::perform(const std::string& id, Machine::Action& action)
{
    if (const auto* start_it = std::get_if<Machine::Start>(&action)) {
        start(id, start_it->operation);
    } else if (const auto* configure_it = std::get_if<Machine::Configure>(&action)) {
        configure(id, configure_it->operation, configure_it->spec);
    } else if (const auto* stop_it = std::get_if<Machine::Stop>(&action)) {
        stop(id, stop_it->operation);
    } else if (const auto* withdraw_it = std::get_if<Machine::Withdraw>(&action)) {
        withdraw(entries_.at(id), withdraw_it->why);
    } else if (const auto* answer = std::get_if<Machine::Answer>(&action)) {
        batches_.answer(id, *answer);
    }
}

void PluginSet::after_step(const std::string& id)
{
    const auto at = entries_.find(id);
    if (at == entries_.end()) return;
    Entry& entry = at->second;
    if (entry.machine.stage() == Stage::failed && !(entry.machine.recovering() && entry.offered)) {
        parts_.registry.unavailable(id, "has failed: " + entry.machine.reason(),
                                    entry.found ? entry.found->manifest : nullptr);
        parts_.facts.forget(id); // heartbeats must not repeat the facts of a plugin that is gone
    }
    if (!entry.machine.gone()) return;
    parts_.registry.available(id);
    retire(entry);
    entries_.erase(at);
}

// --- actions of the machine

void PluginSet::start(const std::string& id, Machine::Operation operation)
{
    Entry& entry = entries_.at(id);
    retire(entry); // of an earlier attempt that failed
    entry.health.clear();
    entry.logged.clear();
    const auto fail = [&](const std::string& why) { started(id, operation, why); };
    if (!entry.found) return fail(not_installed(entry.config, entry.path));
    if (!entry.found->manifest) return fail(entry.found->problem);
    entry.manifest = entry.found->manifest;
    parts_.registry.unavailable(id, "is starting; try again later", entry.manifest);
    parts_.services.admit(*entry.manifest);
    entry.plugin = parts_.make(*entry.found, entry.config);
    if (!entry.plugin) return fail("could not be made: out of memory");
    entry.plugin->start(
        while_here([this, id, operation](const std::string& problem) { started(id, operation, problem); }));
}

void PluginSet::started(const std::string& id, Machine::Operation operation, const std::string& problem)
{
    const auto at = entries_.find(id);
    if (at == entries_.end() || !at->second.machine.expects(operation)) return;
    Entry& entry = at->second;
    std::string why = problem;
    bool alive = false;
    if (why.empty()) {
        alive = true;
        why = join(parts_.registry.add(*entry.plugin, entry.manifest));
        entry.offered = why.empty();
    }
    if (why.empty())
        log::info(log_part(id), "running: version " + entry.manifest->version +
                                    (entry.config.isolated ? ", in a runner" : ""));
    else if (entry.logged != why) // died() may have logged it
        log::error(log_part(id), why);
    entry.logged = why;
    const bool recovers = !alive && entry.plugin && entry.plugin->status().recovering;
    const bool offered = entry.offered;
    feed(id, Machine::Started{operation, std::move(why), alive, recovers});
    if (offered) parts_.dispatcher.plugin_back(id);
}

void PluginSet::configure(const std::string& id, Machine::Operation operation, const PluginSpec& spec)
{
    entries_.at(id).plugin->configure(
        spec.config, while_here([this, id, operation](const std::string& problem) {
            const auto at = entries_.find(id);
            if (at == entries_.end() || !at->second.machine.expects(operation)) return;
            const bool alive = at->second.plugin->status().state == PluginState::running;
            if (problem.empty())
                log::info(log_part(id), "has its new configuration");
            else if (alive)
                log::error(log_part(id), "keeps its old configuration: " + problem);
            feed(id, Machine::Configured{operation, problem, alive});
            if (alive) parts_.dispatcher.plugin_back(id);
            changed(id); // its status may have changed in the meantime
        }));
}

void PluginSet::stop(const std::string& id, Machine::Operation operation)
{
    Entry& entry = entries_.at(id);
    if (!entry.plugin) return feed(id, Machine::Stopped{operation, {}});
    entry.plugin->stop(grace_, while_here([this, id, operation](const std::string& problem) {
                           stopped(id, operation, problem);
                       }));
}

void PluginSet::stopped(const std::string& id, Machine::Operation operation, const std::string& problem)
{
    const auto at = entries_.find(id);
    if (at == entries_.end() || !at->second.machine.expects(operation)) return;
    Entry& entry = at->second;
    parts_.dispatcher.plugin_gone(*entry.plugin,
                                  "it was told to: the agent ends, or the configuration changed");
    parts_.facts.forget(id);
    if (problem.empty())
        log::info(log_part(id), "stopped");
    else if (entry.logged != problem)
        log::warn(log_part(id), problem);
    retire(entry);
    feed(id, Machine::Stopped{operation, problem});
}

void PluginSet::withdraw(Entry& entry, const std::string& why)
{
    if (!std::exchange(entry.offered, false)) return;
    parts_.registry.remove(*entry.plugin);
    parts_.registry.unavailable(entry.config.id, why, entry.manifest);
}

void PluginSet::retire(Entry& entry)
{
    if (!entry.plugin) return;
    withdraw(entry, "is not running");
    entry.restarts_before += entry.plugin->status().restarts;
    retired_.push_back(std::move(entry.plugin));
    boost::asio::post(parts_.main, while_here([this] { retired_.clear(); }));
}

// --- changes that plugins report

void PluginSet::died(const std::string& id, const std::string& why)
{
    const auto at = entries_.find(id);
    if (at == entries_.end() || !at->second.plugin) return;
    log::error(log_part(id), why);
    at->second.logged = why;
    parts_.dispatcher.plugin_gone(*at->second.plugin, why);
    changed(id);
}

void PluginSet::changed(const std::string& id)
{
    const auto at = entries_.find(id);
    if (at == entries_.end() || !at->second.plugin) return;
    Entry& entry = at->second;
    const auto now = entry.plugin->status();
    log_recovery(id, entry, now);
    if (now.state == PluginState::failed) entry.health.clear(); // it was the dead runner's
    if (now.state == PluginState::failed) return feed(id, Machine::Died{now.problem, now.recovering});
    if (now.state != PluginState::running && now.state != PluginState::stuck) return;
    if (entry.machine.stage() == Stage::failed) {
        feed(id, Machine::Recovered{offer_again(id, entry)});
        parts_.dispatcher.plugin_back(id);
    }
    if (now.stuck.empty())
        feed(id, Machine::Freed{});
    else
        feed(id, Machine::Stuck{now.stuck});
}

// Offers the actions of a plugin whose first start crashed. Returns a problem with them, or an empty string.
std::string PluginSet::offer_again(const std::string& id, Entry& entry)
{
    if (entry.offered || !entry.machine.recovering()) return {};
    std::string why = join(parts_.registry.add(*entry.plugin, entry.manifest));
    entry.offered = why.empty();
    if (!why.empty()) log::error(log_part(id), entry.logged = why);
    return why;
}

// Logs each change once, not at every query.
void PluginSet::log_recovery(const std::string& id, Entry& entry, const PluginStatus& now)
{
    const auto stage = entry.machine.stage();
    if (!now.stuck.empty()) {
        if (std::exchange(entry.logged, now.stuck) != now.stuck) log::error(log_part(id), now.stuck);
    } else if (stage == Stage::stuck && now.state == PluginState::running) {
        entry.logged.clear();
        log::info(log_part(id), "has recovered: the overdue call returned");
    } else if (stage == Stage::failed && now.state == PluginState::running) {
        entry.logged.clear();
        log::info(log_part(id),
                  "runs again, in runner " + std::to_string(now.runner_pid) +
                      "; restarts so far: " + std::to_string(now.restarts + entry.restarts_before));
    } else if (stage == Stage::failed && now.recovering && now.problem != entry.logged &&
               !now.problem.starts_with(entry.logged)) {
        entry.logged = now.problem;
        log::warn(log_part(id), now.problem);
    }
}

// --- status

std::vector<PluginStatus> PluginSet::status() const
{
    std::vector<PluginStatus> all;
    for (const auto& [id, entry] : entries_) {
        PluginStatus one;
        if (entry.plugin) one = entry.plugin->status();
        one.id = id;
        one.isolated = entry.machine.running() ? entry.machine.running()->isolated : entry.config.isolated;
        one.restarts += entry.restarts_before;
        const auto stage = entry.machine.stage();
        if (stage == Stage::failed) {
            one.state = PluginState::failed;
            one.problem = one.recovering && !one.problem.empty() ? one.problem : entry.machine.reason();
        } else if (stage == Stage::stuck) {
            one.state = PluginState::stuck;
            one.problem = entry.machine.reason();
        } else if (stage == Stage::stopping) {
            one.state = PluginState::draining;
        } else if (!entry.health.empty() && one.problem.empty()) {
            one.healthy = false;
            one.problem = entry.health;
        }
        if (stage == Stage::failed || stage == Stage::stuck) one.healthy = false;
        if (entry.machine.needs_restart() && entry.found && entry.found->manifest)
            one.disk_version = entry.found->manifest->version;
        all.push_back(std::move(one));
    }
    return all;
}

std::vector<std::string> PluginSet::problems() const
{
    std::vector<std::string> all;
    for (const auto& one : status())
        if (!one.healthy) all.push_back(log_part(one.id) + ": " + one.problem);
    return all;
}

void PluginSet::check_health()
{
    for (auto& [id, entry] : entries_) {
        if (!entry.plugin ||
            (entry.machine.stage() != Stage::running && entry.machine.stage() != Stage::stuck))
            continue;
        entry.plugin->check_health(while_here([this, id = id](std::string problem) {
            if (const auto at = entries_.find(id); at != entries_.end())
                at->second.health = std::move(problem);
        }));
    }
}

} // namespace agenthost::host
