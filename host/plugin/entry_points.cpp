#include "entry_points.hpp"

#include "errors.hpp"
#include "host/runner/runner_client.hpp"
#include "host/schema/error_text.hpp"
#include "host_object.hpp"
#include "library.hpp"
#include "owned.hpp"
#include "plugin.hpp"

#include <agenthost/ext/health.h>

#include <cstddef>
#include <vector>

namespace agenthost::host {
namespace {

constexpr std::size_t min_api = offsetof(agh_plugin_api, destroy) + sizeof(agh_plugin_api::destroy);

agh_error empty_error()
{
    agh_error error{};
    error.size = sizeof error;
    return error;
}

} // namespace

EntryPoints::EntryPoints(Options options) : options_{std::move(options)} {}

// An exception that crosses a C boundary is formally undefined behaviour, but it arrives here with every
// compiler that we support, because both sides have unwind tables. A plugin that throws from a noexcept
// function ends the process, unless it has `isolation: process`.
template <class F> agh_status EntryPoints::guarded(const char* what, agh_error* error, F&& f) noexcept
{
    try {
        return f();
    } catch (const std::exception& e) {
        return threw(what, e.what(), error);
    } catch (...) {
        return threw(what, "an unknown exception", error);
    }
}

agh_status EntryPoints::threw(const char* what, const char* how, agh_error* error) noexcept
try {
    const std::string text = std::string{what} + "() threw an exception (" + quote(how, 200) +
                             "), which the ABI forbids. Ask the plugin's author for a fix.";
    if (error) fill_error(*error, AGH_E_INTERNAL, "INTERNAL", text);
    options_.on_misbehaviour(text);
    return AGH_E_INTERNAL;
} catch (...) { // out of memory
    return AGH_E_INTERNAL;
}

std::string EntryPoints::problem_of(const char* call, agh_status status, const agh_error& error) const
{
    if (options_.isolated && status == AGH_E_DEADLINE)
        return std::string{call} + "() did not return within " +
               std::to_string(options_.runner_timeout.count()) + " ms; its runner is ended.";
    if (error.text[0]) return error.text;
    return std::string{call} + "() failed with status " + std::to_string(status) +
           " and gave no reason. Ask its author.";
}

std::string EntryPoints::refused_by_ownership() const
{
    const auto problems = check_file_ownership(options_.library);
    if (problems.empty()) return {};
    std::string all = "plugin " + options_.manifest->id + ".so refused: ";
    for (std::size_t i = 0; i < problems.size(); ++i) all += (i ? " " : "") + problems[i];
    return all;
}

std::string EntryPoints::create(agh_host* host, const std::string& config_json)
{
    if (std::string why = refused_by_ownership(); !why.empty()) return why;
    agh_error error = empty_error();
    agh_status status = AGH_E_INTERNAL;
    const agh_plugin_api* api = nullptr;
    agh_plugin* plugin = nullptr;
    if (options_.isolated) {
        if (std::string why = refuse_cut_short(options_.library); !why.empty()) return why;
        const RunnerSpec spec{
            options_.runner,
            options_.library,
            options_.manifest->id,
            options_.on_death,
            options_.manifest->run == Manifest::Run::inline_ ? 0 : options_.manifest->concurrency,
            static_cast<std::uint32_t>(options_.runner_timeout.count())};
        status = runner_create(spec, &host_api, host, bytes(config_json), &api, &plugin, &error);
    } else {
        std::string why;
        const agh_entry_v1* entry = load_library(options_.library, *options_.manifest, why);
        if (!entry) return why;
        status = guarded("create", &error, [&] {
            return entry->create(&host_api, host, bytes(config_json), &api, &plugin, &error);
        });
    }
    tidy(error);
    crashed_ = options_.isolated && status == AGH_E_CLOSED;
    if (status != AGH_OK) return problem_of("create", status, error);
    return keep(api, plugin);
}

std::string EntryPoints::keep(const agh_plugin_api* api, agh_plugin* plugin)
{
    const bool has_destroy = api && api->size >= min_api && api->destroy;
    if (!has_destroy || !api->start || !api->invoke) {
        if (has_destroy) guarded("destroy", nullptr, [&] { return api->destroy(plugin), AGH_OK; });
        return "plugin " + options_.manifest->id +
               ".so refused: create() gave no complete agh_plugin_api (start, invoke, destroy). Rebuild it "
               "against the agenthost SDK.";
    }
    api_ = api;
    const std::lock_guard lock{plugin_mutex_};
    plugin_ = plugin;
    return {};
}

std::string EntryPoints::start()
{
    agh_error error = empty_error();
    const agh_status status = guarded("start", &error, [&] { return api_->start(plugin_, &error); });
    tidy(error);
    crashed_ = options_.isolated && status == AGH_E_CLOSED;
    return status == AGH_OK ? std::string{} : problem_of("start", status, error);
}

std::string EntryPoints::configure(const std::string& config_json)
{
    agh_error error = empty_error();
    const agh_status status =
        guarded("configure", &error, [&] { return api_->configure(plugin_, bytes(config_json), &error); });
    tidy(error);
    stuck_ = options_.isolated && status == AGH_E_DEADLINE;
    return status == AGH_OK ? std::string{} : problem_of("configure", status, error);
}

void EntryPoints::drain()
{
    guarded("drain", nullptr, [&] { return api_->drain(plugin_), AGH_OK; });
}

std::string EntryPoints::destroy()
{
    {
        const std::lock_guard lock{plugin_mutex_};
        destroyed_ = true;
    }
    agh_status status = AGH_OK;
    if (api_) status = guarded("destroy", nullptr, [&] { return api_->destroy(plugin_), AGH_OK; });
    return status == AGH_OK ? "" : "destroy() threw; what it held may be left behind.";
}

std::string EntryPoints::check_health()
{
    if (!AGH_HAS(api_, extension)) return {};
    const void* table = nullptr;
    guarded("extension", nullptr, [&] { return table = api_->extension(plugin_, AGH_EXT_HEALTH), AGH_OK; });
    const auto* health = static_cast<const agh_ext_health*>(table);
    if (!health || !AGH_HAS(health, check)) return {};
    agh_error error = empty_error();
    const agh_status status = guarded("health check", &error, [&] { return health->check(plugin_, &error); });
    tidy(error);
    stuck_ = options_.isolated && status == AGH_E_DEADLINE;
    degraded_ = status == AGH_E_BUSY;
    return status == AGH_OK ? std::string{} : problem_of("health check", status, error);
}

agh_status EntryPoints::invoke(const agh_request& request, agh_error& error) noexcept
{
    return guarded("invoke", &error, [&] { return api_->invoke(plugin_, &request, &error); });
}

void EntryPoints::on_task(agh_task task, std::uint64_t cookie, std::uint32_t events) noexcept
{
    if (!AGH_HAS(api_, on_task)) return;
    guarded("on_task", nullptr, [&] { return api_->on_task(plugin_, task, cookie, events), AGH_OK; });
}

void EntryPoints::on_result(const std::function<void()>& f) noexcept
{
    guarded("on_result", nullptr, [&] { return f(), AGH_OK; });
}

void EntryPoints::cancel(agh_req id) noexcept
{
    if (!AGH_HAS(api_, cancel)) return;
    guarded("cancel", nullptr, [&] { return api_->cancel(plugin_, id), AGH_OK; });
}

void EntryPoints::writable(agh_req id) noexcept
{
    if (!AGH_HAS(api_, writable)) return;
    guarded("writable", nullptr, [&] { return api_->writable(plugin_, id), AGH_OK; });
}

void EntryPoints::kill_runner()
{
    const std::lock_guard lock{plugin_mutex_};
    if (options_.isolated && plugin_ && !destroyed_) host::runner_kill(plugin_);
}

int EntryPoints::runner_pid() const
{
    const std::lock_guard lock{plugin_mutex_};
    if (options_.isolated && plugin_ && !destroyed_) return host::runner_pid(plugin_);
    return 0;
}

} // namespace agenthost::host
