#include "life.hpp"

#include "errors.hpp"
#include "host/schema/words.hpp"
#include "library.hpp"

#include <agenthost/ext/health.h>
#include <agenthost/ext/log.h>

#include <vector>

#include "host/runner/runner_client.hpp"

namespace agenthost::host {
namespace {

constexpr std::size_t least_api = offsetof(agh_plugin_api, destroy) + sizeof(agh_plugin_api::destroy);

// Tombstones: reachable for good, so that neither a late call nor a leak checker stumbles. Grows by one small
// object a reload.
void keep_for_good(agh_host* host)
{
    static std::mutex mutex;
    static auto& all = *new std::vector<agh_host*>;
    const std::lock_guard lock{mutex};
    all.push_back(host);
}

} // namespace

std::shared_ptr<Life> Life::make(Options options)
{
    std::shared_ptr<Life> life{new Life{std::move(options)}};
    *life->self_ = life;
    return life;
}

Life::Life(Options options)
    : options_{std::move(options)}, host_{new agh_host}, inline_{options_.manifest->run ==
                                                                     Manifest::Run::inline_ ||
                                                                 options_.isolated},
      by_workers_{!inline_}, pool_{options_.manifest->concurrency, options_.manifest->queue,
                                   [this](const agh_request& r) { serve(r); }, // it joins us
                                   [this](agh_req) {
                                       if (options_.on_given_back) options_.on_given_back();
                                   }},
      loop_{options_.main, deliver(),
            [self = self_](agh_task task, std::uint64_t cookie, std::uint32_t events) {
                if (const auto life = self->lock()) life->fire(task, cookie, events);
            }},
      calls_{*options_.services, options_.manifest->id, deliver(),
             [self = self_](const std::function<void()>& f) {
                 const auto life = self->lock();
                 if (life && life->callable_)
                     life->guarded("on_result", nullptr, [&] { return f(), AGH_OK; });
             }}
{
    static std::atomic<std::uint64_t> generations{0};
    host_->id = options_.manifest->id;
    host_->generation = ++generations;
    host_->services = options_.services;
    host_->life = this;
    host_->may_call = !options_.manifest->may_call.empty();
    host_->may_listen = options_.manifest->may_listen && !options_.isolated;
    host_->state_directory = options_.services->state_directory(host_->id);
    if (!options_.isolated) keep_for_good(host_);
}

// Loop and Calls may be asked by others (a timer, a callee) after this life: their way here is weak.
std::function<void(std::function<void()>)> Life::deliver()
{
    return [self = self_](std::function<void()> f) {
        if (const auto life = self->lock()) life->run_soon(std::move(f));
    };
}

void Life::fire(agh_task task, std::uint64_t cookie, std::uint32_t events)
{
    if (callable_ && AGH_HAS(api_, on_task))
        guarded("on_task", nullptr, [&] { return api_->on_task(plugin_, task, cookie, events), AGH_OK; });
}

Life::~Life()
{
    host_->close();
    if (options_.isolated) delete host_; // no plugin code of this process ever held it
}

// --- calls into the plugin

agh_status Life::threw(const char* what, const char* how, agh_error* error) noexcept
try {
    const std::string text = std::string{what} + "() threw an exception (" + quote(how, 200) +
                             "), which the ABI forbids. Ask the plugin's author for a fix.";
    if (error) say(*error, AGH_E_INTERNAL, "INTERNAL", text);
    misbehaved(text);
    return AGH_E_INTERNAL;
} catch (...) { // out of memory while saying so
    return AGH_E_INTERNAL;
}

void Life::misbehaved(const std::string& what) noexcept
try {
    if (const HostCall alive{host_}; alive) options_.services->log(host_->id, AGH_LOG_ERROR, what, {});
    if (options_.on_misbehaviour) options_.on_misbehaviour(what);
} catch (...) {}

std::string Life::problem_of(const char* call, agh_status status, const agh_error& error) const
{
    if (options_.isolated && status == AGH_E_DEADLINE)
        return std::string{call} + "() did not return within " +
               std::to_string(options_.runner_timeout.count()) + " ms; its runner is ended.";
    if (error.text[0]) return error.text;
    return std::string{call} + "() failed with status " + std::to_string(status) +
           " and gave no reason. Ask its author.";
}

std::string Life::create(const std::string& config_json)
{
    if (const auto problems = check_permissions(options_.library); !problems.empty()) {
        std::string all = "plugin " + host_->id + ".so refused: ";
        for (std::size_t i = 0; i < problems.size(); ++i) all += (i ? " " : "") + problems[i];
        return all;
    }
    agh_error error{};
    error.size = sizeof error;
    agh_status status = AGH_E_INTERNAL;
    const agh_plugin_api* api = nullptr;
    agh_plugin* plugin = nullptr;
    if (options_.isolated) {
        if (std::string why = refuse_cut_short(options_.library); !why.empty()) return why;
        RunnerSpec spec{options_.runner,
                        options_.library,
                        host_->id,
                        options_.on_death,
                        options_.manifest->run == Manifest::Run::inline_ ? 0 : options_.manifest->concurrency,
                        static_cast<std::uint32_t>(options_.runner_timeout.count())};
        status = runner_create(spec, &host_api, host_, bytes(config_json), &api, &plugin, &error);
    } else {
        std::string why;
        const agh_entry_v1* entry = load_library(options_.library, *options_.manifest, why);
        if (!entry) return why;
        status = guarded("create", &error, [&] {
            return entry->create(&host_api, host_, bytes(config_json), &api, &plugin, &error);
        });
    }
    tidy(error);
    crashed_ = options_.isolated && status == AGH_E_CLOSED;
    if (status != AGH_OK) return problem_of("create", status, error);
    if (api && api->size >= least_api && api->destroy && (!api->start || !api->invoke))
        guarded("destroy", nullptr, [&] { return api->destroy(plugin), AGH_OK; });
    if (!api || api->size < least_api || !api->start || !api->invoke || !api->destroy)
        return "plugin " + host_->id +
               ".so refused: create() gave no complete agh_plugin_api (start, invoke, destroy). Rebuild it "
               "against the agenthost SDK.";
    api_ = api;
    {
        const std::lock_guard lock{plugin_mutex_};
        plugin_ = plugin;
    }
    return {};
}

std::string Life::start()
{
    agh_error error{};
    error.size = sizeof error;
    const agh_status status = guarded("start", &error, [&] { return api_->start(plugin_, &error); });
    tidy(error);
    crashed_ = options_.isolated && status == AGH_E_CLOSED;
    return status == AGH_OK ? std::string{} : problem_of("start", status, error);
}

std::string Life::configure(const std::string& config_json)
{
    agh_error error{};
    error.size = sizeof error;
    const agh_status status =
        guarded("configure", &error, [&] { return api_->configure(plugin_, bytes(config_json), &error); });
    tidy(error);
    stuck_ = options_.isolated && status == AGH_E_DEADLINE;
    return status == AGH_OK ? std::string{} : problem_of("configure", status, error);
}

void Life::drain()
{
    guarded("drain", nullptr, [&] { return api_->drain(plugin_), AGH_OK; });
}

std::string Life::destroy(std::chrono::milliseconds for_workers)
{
    pool_.end();
    if (!pool_.join(for_workers))
        return "a worker thread does not come back from the plugin, so it cannot be destroyed; thread and "
               "memory are left behind. Restart agenthost to be rid of them" +
               std::string{options_.manifest->may_isolate ? "; with isolation: process only its runner is."
                                                          : "."};
    callable_ = false;
    if (!given_up_) options_.services->closing(host_->id);
    {
        const std::lock_guard lock{plugin_mutex_};
        destroyed_ = true;
    }
    agh_status status = AGH_OK;
    if (api_) status = guarded("destroy", nullptr, [&] { return api_->destroy(plugin_), AGH_OK; });
    host_->close();
    return status == AGH_OK ? "" : "destroy() threw; what it held may be left behind.";
}

std::string Life::check_health()
{
    if (!AGH_HAS(api_, extension)) return {};
    const void* table = nullptr;
    guarded("extension", nullptr, [&] { return table = api_->extension(plugin_, AGH_EXT_HEALTH), AGH_OK; });
    const auto* health = static_cast<const agh_ext_health*>(table);
    if (!health || !AGH_HAS(health, check)) return {};
    agh_error error{};
    error.size = sizeof error;
    const agh_status status = guarded("health check", &error, [&] { return health->check(plugin_, &error); });
    tidy(error);
    stuck_ = options_.isolated && status == AGH_E_DEADLINE;
    degraded_ = status == AGH_E_BUSY;
    return status == AGH_OK ? std::string{} : problem_of("health check", status, error);
}

} // namespace agenthost::host
