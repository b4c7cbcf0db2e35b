#include "plugin_set.hpp"

#include "services.hpp"

#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/facts.hpp"
#include "host/dispatch/registry.hpp"
#include "host/observe/log.hpp"

#include <algorithm>

namespace agenthost::host {

namespace {

// Calls `then` when its last copy is gone: the end of a set of things that run side by side.
struct Barrier {
    explicit Barrier(std::function<void()> then) : then{std::move(then)} {}
    ~Barrier() { then(); }
    Barrier(const Barrier&) = delete;
    Barrier& operator=(const Barrier&) = delete;
    std::function<void()> then;
};

std::string join(const std::vector<std::string>& texts)
{
    std::string all;
    for (const auto& text : texts) all += (all.empty() ? "" : "; ") + text;
    return all;
}

std::string join_path(const std::vector<std::string>& path)
{
    std::string all;
    for (const auto& folder : path) all += (all.empty() ? "" : ":") + folder;
    return all;
}

} // namespace

void PluginSet::start(const std::vector<PluginConfig>& wanted, Started done)
{
    auto failed = std::make_shared<std::vector<std::string>>();
    auto all = std::make_shared<Barrier>([failed, done = std::move(done)] { done(*failed); });
    const auto found = find_plugins(rooms_.path);
    for (const auto& config : wanted) {
        if (!config.enabled) continue;
        start_one(config, found,
                  [all, failed, required = config.required, this, id = config.id](const std::string&) {
                      if (const auto& entry = entries_.at(id); required && !entry.problem.empty())
                          failed->push_back(entry.problem);
                  });
    }
}

void PluginSet::start_one(const PluginConfig& config, const std::vector<FoundPlugin>& found, Done done)
{
    const auto id = config.id;
    Entry& entry = entries_[id];
    if (entry.plugin) retired_.push_back(std::move(entry.plugin)); // a failed earlier try
    entry = Entry{.config = config, .plugin = nullptr, .problem = {}, .health = {}, .registered = false};
    const auto fail = [this, id, done](std::string why) {
        log::error("plugin " + id, why);
        entries_[id].problem = why;
        done("plugin " + id + ": " + why);
    };
    const auto at = std::ranges::find(found, id, &FoundPlugin::id);
    if (at == found.end())
        return fail(config.where + ": plugin " + id + " is enabled, but no " + id +
                    ".manifest.json lies in " + join_path(rooms_.path) +
                    ". Install its package (agenthost-plugin-" + id +
                    "), add its folder to agent.plugin_path, or disable it.");
    if (!at->manifest) return fail(at->problem);
    rooms_.services.admit(*at->manifest);
    entry.plugin = make_plugin(rooms_.main, rooms_.services, *at, config, rooms_.runner);
    if (!entry.plugin) return fail("plugin " + id + " could not be made");
    Plugin* plugin = entry.plugin.get();
    plugin->start([this, id, plugin, fail, done, manifest = at->manifest](const std::string& problem) {
        if (!problem.empty()) return fail(problem);
        if (const auto taken = rooms_.registry.add(*plugin, manifest); !taken.empty()) {
            const auto why = join(taken);
            plugin->stop(std::chrono::seconds{1}, [fail, why](const std::string&) { fail(why); });
            return;
        }
        entries_[id].registered = true;
        log::info("plugin " + id, "running: version " + manifest->version +
                                      (entries_[id].config.isolated ? ", in a runner" : ""));
        done("plugin " + id + ": started");
    });
}

void PluginSet::stop_one(const std::string& id, std::chrono::milliseconds grace, Done done)
{
    Entry& entry = entries_.at(id);
    if (!entry.plugin || !entry.registered) {
        if (entry.plugin) retired_.push_back(std::move(entry.plugin));
        entries_.erase(id);
        return done("plugin " + id + ": removed");
    }
    rooms_.registry.remove(*entry.plugin);
    entry.registered = false;
    entry.plugin->stop(grace, [this, id, done](const std::string& problem) {
        Entry& ended = entries_.at(id);
        rooms_.dispatcher.plugin_gone(*ended.plugin,
                                      "it was told to: the agent ends, or the configuration changed");
        rooms_.facts.forget(id);
        if (!problem.empty())
            log::warn("plugin " + id, problem);
        else
            log::info("plugin " + id, "stopped");
        retired_.push_back(std::move(ended.plugin));
        entries_.erase(id);
        done("plugin " + id + ": stopped" + (problem.empty() ? "" : ", but " + problem));
    });
}

void PluginSet::apply(const std::vector<PluginConfig>& wanted, std::vector<FoundPlugin> found,
                      std::function<void(std::vector<std::string>)> done)
{
    auto changes = std::make_shared<std::vector<std::string>>();
    auto all = std::make_shared<Barrier>([changes, done = std::move(done)] { done(*changes); });
    const auto note = [all, changes](std::string change) { changes->push_back(std::move(change)); };

    const auto wants = [&](const std::string& id) {
        return std::ranges::any_of(wanted, [&](const PluginConfig& c) { return c.id == id && c.enabled; });
    };
    std::vector<std::string> gone;
    for (const auto& [id, entry] : entries_)
        if (!wants(id)) gone.push_back(id);
    constexpr std::chrono::seconds grace{10};
    for (const auto& id : gone) stop_one(id, grace, note);

    for (const auto& config : wanted) {
        if (!config.enabled) continue;
        const auto at = entries_.find(config.id);
        if (at == entries_.end() || !at->second.registered) {
            start_one(config, found, note);
        } else if (at->second.config.isolated != config.isolated) {
            stop_one(config.id, grace,
                     [this, config, found, note](const std::string&) { start_one(config, found, note); });
        } else if (at->second.config.config_json != config.config_json) {
            at->second.plugin->configure(
                config.config_json, [this, config, note](const std::string& problem) {
                    if (problem.empty()) {
                        entries_[config.id].config = config;
                        log::info("plugin " + config.id, "has its new configuration");
                        note("plugin " + config.id + ": configured");
                    } else {
                        log::error("plugin " + config.id, "keeps its old configuration: " + problem);
                        note("plugin " + config.id + ": keeps its old configuration: " + problem);
                    }
                });
        } else {
            at->second.config = config;
        }
    }
}

void PluginSet::stop(std::chrono::milliseconds grace, std::function<void()> done)
{
    auto all = std::make_shared<Barrier>(std::move(done));
    std::vector<std::string> ids;
    for (const auto& [id, entry] : entries_) ids.push_back(id);
    for (const auto& id : ids) stop_one(id, grace, [all](const std::string&) {});
}

void PluginSet::died(const std::string& id, const std::string& why)
{
    const auto at = entries_.find(id);
    if (at == entries_.end() || !at->second.plugin) return;
    log::error("plugin " + id, why);
    rooms_.dispatcher.plugin_gone(*at->second.plugin, why);
}

std::vector<PluginStatus> PluginSet::status() const
{
    std::vector<PluginStatus> all;
    for (const auto& [id, entry] : entries_) {
        PluginStatus one;
        if (entry.plugin) one = entry.plugin->status();
        one.id = id;
        one.isolated = entry.config.isolated;
        if (!entry.problem.empty()) {
            one.state = PluginState::failed;
            one.healthy = false;
            one.problem = entry.problem;
        } else if (!entry.health.empty() && one.problem.empty()) {
            one.healthy = false;
            one.problem = entry.health;
        }
        all.push_back(std::move(one));
    }
    return all;
}

std::vector<std::string> PluginSet::problems() const
{
    std::vector<std::string> all;
    for (const auto& one : status())
        if (!one.healthy || one.state == PluginState::failed)
            all.push_back("plugin " + one.id + ": " + one.problem);
    return all;
}

void PluginSet::check_health()
{
    for (auto& [id, entry] : entries_) {
        if (!entry.plugin || !entry.registered) continue;
        entry.plugin->check_health([this, id = id](std::string problem) {
            if (const auto at = entries_.find(id); at != entries_.end())
                at->second.health = std::move(problem);
        });
    }
}

} // namespace agenthost::host
