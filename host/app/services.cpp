#include "services.hpp"

#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/facts.hpp"
#include "host/listener/listener.hpp"
#include "host/observe/log.hpp"
#include "host/observe/metrics.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace agenthost::host {

namespace {

log::Level to_level(int level)
{
    return static_cast<log::Level>(
        std::clamp(level, static_cast<int>(log::Level::trace), static_cast<int>(log::Level::error)));
}

std::string log_part(std::string_view plugin) { return "plugin " + std::string{plugin}; }

} // namespace

void Services::admit(const Manifest& manifest)
{
    const std::lock_guard lock{mutex_};
    auto& entry = admitted_[manifest.id];
    entry.may_call = manifest.may_call;
    entry.may_listen = manifest.may_listen;
    entry.may_read_log = manifest.may_read_log;
    entry.may_use_network = manifest.may_use_network;
}

agh_status Services::complete(std::string_view plugin, agh_req request, const agh_reply* reply)
{
    return parts_.dispatcher.complete(plugin, request, reply);
}

agh_status Services::progress(std::string_view plugin, agh_req request, std::string_view json)
{
    return parts_.dispatcher.progress(plugin, request, json);
}

agh_status Services::stream(std::string_view plugin, agh_req request, std::uint32_t channel,
                            std::uint64_t offset, std::string_view bytes)
{
    return parts_.dispatcher.stream(plugin, request, channel, offset, bytes);
}

bool Services::cancelled(agh_req request) { return parts_.dispatcher.cancelled(request); }

bool Services::log_enabled(std::string_view, int level) { return log::enabled(to_level(level)); }

void Services::log(std::string_view plugin, int level, std::string_view message, std::string_view fields_json)
{
    constexpr double per_second = 100, burst = 500;
    std::uint64_t said = 0;
    {
        const std::lock_guard lock{mutex_};
        const auto at = admitted_.find(plugin);
        if (at != admitted_.end()) {
            auto& entry = at->second;
            const auto now = std::chrono::steady_clock::now();
            entry.tokens =
                std::min(burst, entry.tokens +
                                    per_second * std::chrono::duration<double>(now - entry.refilled).count());
            entry.refilled = now;
            if (entry.tokens < 1) {
                ++entry.dropped;
                return;
            }
            entry.tokens -= 1;
            said = std::exchange(entry.dropped, 0);
        }
    }
    const std::string part = log_part(plugin);
    if (said) log::warn(part, std::to_string(said) + " log lines dropped: more than 100 a second");
    log::write(to_level(level), part, message, fields_json);
}

bool Services::may_read_log(std::string_view plugin)
{
    const std::lock_guard lock{mutex_};
    const auto at = admitted_.find(plugin);
    return at != admitted_.end() && at->second.may_read_log;
}

std::string Services::read_log(std::string_view plugin, int level, std::uint64_t& position,
                               std::size_t capacity, std::uint64_t& lost)
{
    return log::read_tail(to_level(level), log_part(plugin), position, capacity, lost);
}

bool Services::may_use_network(std::string_view plugin)
{
    const std::lock_guard lock{mutex_};
    const auto at = admitted_.find(plugin);
    return at != admitted_.end() && at->second.may_use_network;
}

agh_status Services::network_settings(std::string_view plugin, agh_req origin, std::string& json)
{
    const std::string caller = parts_.dispatcher.caller_of(origin, plugin);
    if (caller.empty()) return AGH_E_STALE;
    auto settings = parts_.network(caller);
    if (!settings) return AGH_E_NOT_FOUND;
    json = std::move(*settings);
    return AGH_OK;
}

agh_status Services::emit(std::string_view plugin, std::string_view topic, std::string_view audience,
                          agh_req origin, const agh_reply* body)
{
    if (!body) return AGH_E_INVALID;
    return parts_.dispatcher.emit(plugin, topic, audience, origin,
                                  {static_cast<const char*>(body->json.data), body->json.size});
}

agh_status Services::publish(std::string_view plugin, std::string_view key, std::string_view json)
{
    return parts_.facts.publish(plugin, key, json);
}

std::string Services::state_directory(std::string_view plugin)
{
    const std::string parent = parts_.state_dir + "/plugins";
    std::string directory = parent + "/" + std::string{plugin};
    // Errors are ignored: it exists, or the plugin's first write reports the reason.
    ::mkdir(parent.c_str(), 0700);
    ::mkdir(directory.c_str(), 0700);
    return directory;
}

agh_status Services::define_metric(std::string_view plugin, std::string_view json, std::uint32_t* id)
{
    return parts_.metrics.define(plugin, json, id);
}

void Services::record_metric(std::string_view plugin, std::uint32_t id, double value)
{
    parts_.metrics.record(plugin, id, value);
}

agh_status Services::call(std::string_view plugin, agh_req parent, std::string_view action,
                          std::string_view params, std::uint64_t timeout_ns,
                          std::function<void(const agh_reply&)> done)
{
    std::vector<std::string> may_call;
    {
        const std::lock_guard lock{mutex_};
        if (const auto at = admitted_.find(plugin); at != admitted_.end()) may_call = at->second.may_call;
    }
    return parts_.dispatcher.call(plugin, std::move(may_call), parent, action, params, timeout_ns,
                                  std::move(done));
}

const void* Services::listener_service(std::string_view plugin)
{
    const std::lock_guard lock{mutex_};
    const auto at = admitted_.find(plugin);
    return at != admitted_.end() && at->second.may_listen ? listener_table() : nullptr;
}

void Services::plugin_died(std::string_view id, std::string why)
{
    if (parts_.on_died) parts_.on_died(std::string{id}, std::move(why));
}

void Services::plugin_changed(std::string_view id)
{
    if (parts_.on_changed) parts_.on_changed(std::string{id});
}

void Services::closing(std::string_view id) { parts_.listeners.forget(id); }

} // namespace agenthost::host
