// A plugin as the rest of the host sees it: load, start, invoke, cancel, drain, destroy. Whether the library
// runs in this process or behind a socketpair in a runner is decided here and visible nowhere else: the
// runner's proxy implements the same C ABI.
//
// Threads: everything here is called on the main I/O thread and never blocks; life-cycle calls go to the
// plugin's control thread under a timeout and report back on the main I/O thread. invoke() runs inline or
// queues for the plugin's workers.
#pragma once

#include "manifest.hpp"

#include <agenthost/abi.h>
#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

struct PluginConfig;
struct KnownPlugin;

// The host functions that a plugin calls. The implementation in host/app forwards each to dispatch, events,
// facts or listener. Called from any thread, by any plugin; nothing here blocks. `plugin` is the caller's id.
class HostServices {
public:
    virtual ~HostServices() = default;
    virtual agh_status complete(std::string_view plugin, agh_req, const agh_reply*) = 0;
    virtual agh_status progress(std::string_view plugin, agh_req, std::string_view json) = 0;
    virtual agh_status stream(std::string_view plugin, agh_req, std::uint32_t channel, std::uint64_t offset,
                              std::string_view bytes) = 0;
    virtual bool cancelled(agh_req) = 0;
    virtual bool log_enabled(std::string_view plugin, int level) = 0;
    virtual void log(std::string_view plugin, int level, std::string_view message,
                     std::string_view fields_json) = 0;
    virtual agh_status emit(std::string_view plugin, std::string_view topic, std::string_view audience,
                            agh_req origin, const agh_reply*) = 0;
    virtual agh_status publish(std::string_view plugin, std::string_view key, std::string_view json) = 0;
    virtual std::string state_directory(std::string_view plugin) = 0;
    virtual agh_status define_metric(std::string_view plugin, std::string_view json, std::uint32_t* id) = 0;
    virtual void record_metric(std::string_view plugin, std::uint32_t id, double value) = 0;
    // `done` is called exactly once after AGH_PENDING, on the main I/O thread; the plugin room moves it to
    // [run].
    virtual agh_status call(std::string_view plugin, agh_req parent, std::string_view action,
                            std::string_view params, std::uint64_t timeout_ns,
                            std::function<void(const agh_reply&)> done) = 0;
    // agenthost.listener/1 for this plugin; nullptr: not permitted. The table's functions get the agh_host*
    // made by listener_host().
    virtual const void* listener_service(std::string_view plugin) = 0;
    // agenthost.log_tap/1; AGH_E_DENIED: not permitted by its manifest. `position`, `lost`: see
    // ext/log_tap.h.
    virtual bool may_read_log(std::string_view plugin)
    {
        (void)plugin;
        return false;
    }
    virtual std::string read_log(std::string_view plugin, int level, std::uint64_t& position,
                                 std::size_t capacity, std::uint64_t& lost)
    {
        (void)plugin, (void)level, (void)position, (void)capacity;
        lost = 0;
        return {};
    }
    // agenthost.network/1; AGH_E_STALE: not an open request of this plugin. `json` contains a secret: see
    // ext/network.h.
    virtual bool may_use_network(std::string_view plugin)
    {
        (void)plugin;
        return false;
    }
    virtual agh_status network_settings(std::string_view plugin, agh_req origin, std::string& json)
    {
        (void)plugin, (void)origin, (void)json;
        return AGH_E_UNSUPPORTED;
    }
    // Its runner died, or it was marked failed while running: its requests are finished. Main I/O thread.
    virtual void plugin_died(std::string_view plugin, std::string why)
    {
        (void)plugin;
        (void)why;
    }
    // Its state or health changed outside a life-cycle call: see status(). Main I/O thread.
    virtual void plugin_changed(std::string_view plugin) { (void)plugin; }
    // Control thread, right before destroy(): the host removes everything that has pointers into the plugin
    // (its routes). May block.
    virtual void closing(std::string_view plugin) { (void)plugin; }
};

// The plugin of a handle, for services that are plain C functions (the listener's table). Never null, even
// after destroy(); for a handle of a destroyed instance alive() is false, and its services return
// AGH_E_STALE.
std::string_view plugin_of(const agh_host*);
HostServices& services_of(agh_host*);
bool alive(const agh_host*);

// `stuck`: it accepts requests, but does not return cancelled ones.
enum class PluginState { loaded, starting, running, draining, stopped, failed, stuck };

struct PluginStatus {
    std::string id, version, file;
    PluginState state = PluginState::loaded;
    bool isolated = false;
    bool healthy = true;
    bool degraded = false; // with !healthy: it reports that it works in part
    std::string problem;   // why it failed or is unhealthy: what, where, how to fix
    std::uint64_t queued = 0, invoked = 0, inline_overruns = 0;
    bool demoted = false; // "inline" in the manifest, but it blocked
    int runner_pid = 0;
    bool recovering = false;    // failed, and its runner is restarted automatically
    std::string stuck;          // empty, or the requests it does not return and the remedy
    std::uint32_t held = 0;     // worker threads blocked by such requests; in-process only
    std::uint64_t restarts = 0; // of its runner
    std::string file_identity;  // of the running library and manifest
    std::string disk_version;   // of a different one on disk that only a restart of the daemon loads
};

class Plugin {
public:
    virtual ~Plugin() = default; // only after stopped() or a failed start
    [[nodiscard]] virtual const Manifest& manifest() const = 0;
    [[nodiscard]] virtual PluginStatus status() const = 0;

    using Done = std::function<void(std::string problem)>; // empty: it worked
    virtual void start(Done) = 0;                          // create + start
    // All or nothing: on a problem the old configuration stays. A plugin without configure() is drained,
    // destroyed and created again.
    virtual void configure(std::string config_json, Done) = 0;
    virtual void stop(std::chrono::milliseconds grace, Done) = 0; // drain, destroy
    virtual void check_health(Done) = 0;

    // 0 or AGH_PENDING: complete() follows (for a queued request also if the plugin refuses later). < 0:
    // refused at once, `error` says why. Copies what it needs. `request.id` etc. as in abi.h.
    virtual agh_status invoke(const agh_request& request, agh_error& error) = 0;
    virtual void cancel(agh_req) = 0;
    virtual void writable(agh_req) = 0;
    // It was told to stop `request` and did not within the grace period: "weather.hang did not end within 30
    // s after ...". The request's id is dead. In this process the plugin is stuck until it returns the
    // request; a runner is killed and restarted.
    virtual void overdue(agh_req request, std::string what) = 0;
};

// A plugin found on disk.
struct FoundPlugin {
    std::string id;
    std::string library, manifest_file;
    std::shared_ptr<const Manifest> manifest; // null: `problem` says why
    std::string problem;
    // Device, inode, size and time of change of library and manifest, and the version: it differs if the
    // files have changed.
    std::string identity;
};
// Every *.manifest.json in the path, first folder wins for an id.
std::vector<FoundPlugin> find_plugins(const std::vector<std::string>& path);

// What load_config() needs to know about them (LoadRequest::plugins): the host's actions and those of every
// plugin in the path.
std::vector<KnownPlugin> known_plugins(const std::vector<std::filesystem::path>& path);

// A sentence about a plugin's configuration with its place: `what` is Schema::check's, "/quota: expected ..."
// or without a pointer -> "agenthost.yaml:12:5: plugins.storage.config.quota: expected ...".
std::string config_problem(const PluginConfig&, std::string_view what);

// Owner, group and mode of library, manifest and every folder above: writable only by root or the daemon's
// user. One sentence a cause.
std::vector<std::string> check_file_ownership(const std::string& library);

// Reads manifest, checks file ownership, config against the schema, then maps the library (or prepares a
// runner) and checks the entry. Blocking work (dlopen) happens on the plugin's control thread in start();
// this only makes the object.
std::unique_ptr<Plugin> make_plugin(boost::asio::any_io_executor main, HostServices&, FoundPlugin,
                                    const PluginConfig&, std::string runner_path);

// For `agenthost plugin check`: loads the library, checks entry and manifest, without create(). Problems, one
// sentence each.
std::vector<std::string> check_library(const FoundPlugin&);

} // namespace agenthost::host
