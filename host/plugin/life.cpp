#include "life.hpp"

#include "library.hpp"
#include "words.hpp"

#include <agenthost/ext/health.h>
#include <agenthost/ext/log.h>

#include <cstring>
#include <exception>
#include <vector>

#ifdef AGENTHOST_HAS_RUNNER
#include "runner/runner_client.hpp"
#endif

namespace agenthost::host {
namespace {

constexpr std::uint32_t not_started = AGH_REPLY_NOT_STARTED;
constexpr std::size_t least_api = offsetof(agh_plugin_api, destroy) + sizeof(agh_plugin_api::destroy);

// Tombstones: reachable for good, so that neither a late call nor a leak checker stumbles. Grows by one small object a reload.
void keep_for_good(agh_host* host)
{
    static std::mutex mutex;
    static auto& all = *new std::vector<agh_host*>;
    const std::lock_guard lock{mutex};
    all.push_back(host);
}

// What a broken or hostile plugin left in an agh_error is text all the same.
void terminate(agh_error& error)
{
    error.code[sizeof error.code - 1] = 0;
    error.text[sizeof error.text - 1] = 0;
}

void say(agh_error& error, agh_status status, std::string_view code, std::string_view text)
{
    error.status = status;
    const auto put = [](char* to, std::size_t room, std::string_view from) {
        const std::size_t n = std::min(room - 1, from.size());
        std::memcpy(to, from.data(), n);
        to[n] = 0;
    };
    put(error.code, sizeof error.code, code);
    put(error.text, sizeof error.text, text);
}

std::string_view code_of(agh_status status)
{
    switch (status) {
    case AGH_E_INVALID: return "INVALID_REQUEST";
    case AGH_E_UNSUPPORTED: return "UNKNOWN_ACTION";
    case AGH_E_BUSY: return "BUSY";
    case AGH_E_DENIED: return "DENIED";
    case AGH_E_CANCELLED: return "CANCELLED";
    case AGH_E_DEADLINE: return "TIMEOUT";
    default: return "INTERNAL";
    }
}

std::string escaped(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out;
}

} // namespace

std::shared_ptr<Life> Life::make(Options options)
{
    std::shared_ptr<Life> life{new Life{std::move(options)}};
    *life->self_ = life;
    return life;
}

Life::Life(Options options)
    : options_{std::move(options)}, host_{new agh_host},
      inline_{options_.manifest->run == Manifest::Run::inline_ || options_.isolated}, by_workers_{!inline_},
      pool_{options_.manifest->concurrency, options_.manifest->queue, [this](const agh_request& r) { serve(r); }}, // it joins us
      loop_{options_.main, deliver(), [self = self_](agh_task task, std::uint64_t cookie, std::uint32_t events) {
                if (const auto life = self->lock()) life->fire(task, cookie, events);
            }},
      calls_{*options_.services, options_.manifest->id, deliver(), [self = self_](const std::function<void()>& f) {
                 const auto life = self->lock();
                 if (life && life->callable_) life->guarded("on_result", nullptr, [&] { return f(), AGH_OK; });
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

// A foreign exception across a C boundary is undefined by the letter; with unwind tables on both sides (every compiler we build with) it
// arrives here. A plugin that is noexcept and throws ends the process: that is what `isolation: process` is for.
template<class F> agh_status Life::guarded(const char* what, agh_error* error, F&& f) noexcept
{
    try {
        return f();
    } catch (const std::exception& e) {
        return threw(what, e.what(), error);
    } catch (...) {
        return threw(what, "an unknown exception", error);
    }
}

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
} catch (...) {
}

std::string Life::problem_of(const char* call, agh_status status, const agh_error& error) const
{
    if (options_.isolated && status == AGH_E_DEADLINE)
        return std::string{call} + "() did not return within " + std::to_string(options_.runner_timeout.count()) + " ms; its runner is ended.";
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
#ifdef AGENTHOST_HAS_RUNNER
        RunnerSpec spec{options_.runner, options_.library, host_->id, options_.on_death,
                        options_.manifest->run == Manifest::Run::inline_ ? 0 : options_.manifest->concurrency,
                        static_cast<std::uint32_t>(options_.runner_timeout.count())};
        status = runner_create(spec, &host_api, host_, bytes(config_json), &api, &plugin, &error);
#else
        return "this build has no runner. Set plugins." + host_->id + ".isolation: in-process.";
#endif
    } else {
        std::string why;
        const agh_entry_v1* entry = load_library(options_.library, *options_.manifest, why);
        if (!entry) return why;
        status = guarded("create", &error, [&] { return entry->create(&host_api, host_, bytes(config_json), &api, &plugin, &error); });
    }
    terminate(error);
    if (status != AGH_OK) return problem_of("create", status, error);
    if (api && api->size >= least_api && api->destroy && (!api->start || !api->invoke))
        guarded("destroy", nullptr, [&] { return api->destroy(plugin), AGH_OK; });
    if (!api || api->size < least_api || !api->start || !api->invoke || !api->destroy)
        return "plugin " + host_->id + ".so refused: create() gave no complete agh_plugin_api (start, invoke, destroy). Rebuild it against the agenthost SDK.";
    api_ = api;
    plugin_ = plugin;
    return {};
}

std::string Life::start()
{
    agh_error error{};
    error.size = sizeof error;
    const agh_status status = guarded("start", &error, [&] { return api_->start(plugin_, &error); });
    terminate(error);
    return status == AGH_OK ? std::string{} : problem_of("start", status, error);
}

std::string Life::configure(const std::string& config_json)
{
    agh_error error{};
    error.size = sizeof error;
    const agh_status status = guarded("configure", &error, [&] { return api_->configure(plugin_, bytes(config_json), &error); });
    terminate(error);
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
        return "a worker thread does not come back from the plugin, so it cannot be destroyed; thread and memory are left "
               "behind. Restart agenthost to be rid of them, or use isolation: process.";
    callable_ = false;
    if (!given_up_) options_.services->closing(host_->id);
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
    terminate(error);
    return status == AGH_OK ? std::string{} : problem_of("health check", status, error);
}

// --- main thread

void Life::open()
{
    callable_ = enterable_ = true;
    if (by_workers_) pool_.start();
    std::deque<std::function<void()>> early;
    {
        const std::lock_guard lock{early_mutex_};
        open_ = true;
        early.swap(early_);
    }
    for (auto& f : early) run_soon(std::move(f));
}

void Life::close_run()
{
    refuse_queued();
    calls_.close();
    loop_.close();
}

void Life::leave()
{
    enterable_ = false;
    if (!by_workers_) callable_ = false; // else when the workers have joined: what close_run() sent still runs there
}

void Life::give_up()
{
    static auto& hanging = *new std::vector<std::shared_ptr<Life>>; // their threads may come back to them
    hanging.push_back(shared_from_this());
    given_up_ = true;
    callable_ = enterable_ = false;
    loop_.close();
    pool_.end();
    host_->close();
}

void Life::wait_idle()
{
    draining_ = true;
    if (in_flight() <= 0) drained();
}

// By a worker: the pool. Inline: the main thread, where a life that is over is asked before it is entered.
void Life::run_soon(std::function<void()> f)
{
    {
        const std::lock_guard lock{early_mutex_};
        if (!open_) {
            early_.push_back(std::move(f));
            return;
        }
    }
    if (by_workers_) {
        pool_.task(std::move(f));
        return;
    }
    options_.main->post([weak = weak_from_this(), f = std::move(f)] {
        const auto self = weak.lock();
        if (!self) return;
        if (self->by_workers_) self->pool_.task(f); // demoted meanwhile
        else f();
    });
}

agh_status Life::invoke(const agh_request& request, agh_error& error)
{
    in_flight_.fetch_add(1, std::memory_order_relaxed);
    const agh_status status = guarded("invoke", &error, [&] { return api_->invoke(plugin_, &request, &error); });
    if (status == AGH_PENDING) return status;
    if (status >= 0) { // not a valid return; it may have completed all the same
        answer(request.id, AGH_E_INTERNAL, "INTERNAL", "the plugin's invoke() returned neither AGH_PENDING nor an error", 0);
        misbehaved("invoke() returned " + std::to_string(status) + ", which is neither AGH_PENDING nor an error. Ask the plugin's author for a fix.");
        return AGH_PENDING;
    }
    one_less();
    terminate(error);
    if (!error.code[0]) say(error, status, code_of(status), error.text[0] ? std::string{error.text} : "the plugin refused and gave no reason");
    error.status = status;
    return status;
}

agh_status Life::queue(const agh_request& request, agh_error& error)
{
    bool taken = false;
    try {
        taken = pool_.push(request);
    } catch (const std::exception&) { // memory or descriptors ran out
    }
    if (taken) return AGH_PENDING;
    say(error, AGH_E_BUSY, "BUSY", "plugin " + host_->id + " has " + std::to_string(options_.manifest->queue) + " requests waiting already; try again later");
    return AGH_E_BUSY;
}

// On a worker.
void Life::serve(const agh_request& request) noexcept
{
    agh_error error{};
    error.size = sizeof error;
    const agh_status status = invoke(request, error);
    if (status >= 0) return;
    in_flight_.fetch_add(1, std::memory_order_relaxed); // answer() takes it away again
    answer(request.id, status, error.code, error.text, status == AGH_E_BUSY ? not_started : 0);
}

void Life::answer(agh_req id, agh_status status, std::string_view code, std::string_view message, std::uint32_t flags) noexcept
try {
    const std::string json = "{\"code\":\"" + escaped(code) + "\",\"message\":\"" + escaped(message) + "\"}";
    const agh_reply reply{sizeof reply, status, flags, 0, bytes(json), nullptr, 0, sizeof(agh_blob)};
    if (const HostCall alive{host_}; alive) options_.services->complete(host_->id, id, &reply);
    one_less();
} catch (...) {
}

void Life::cancel(agh_req id)
{
    if (pool_.started() && pool_.take_back(id)) {
        options_.main->post([self = shared_from_this(), id] { // not from inside dispatch's call
            self->in_flight_.fetch_add(1, std::memory_order_relaxed);
            self->answer(id, AGH_E_CANCELLED, "CANCELLED", "cancelled before it began", not_started);
        });
        return;
    }
    if (enterable_ && AGH_HAS(api_, cancel)) guarded("cancel", nullptr, [&] { return api_->cancel(plugin_, id), AGH_OK; });
}

void Life::writable(agh_req id)
{
    if (enterable_ && AGH_HAS(api_, writable)) guarded("writable", nullptr, [&] { return api_->writable(plugin_, id), AGH_OK; });
}

void Life::refuse_queued()
{
    for (const agh_req id : pool_.take_back_all()) {
        in_flight_.fetch_add(1, std::memory_order_relaxed);
        answer(id, AGH_E_BUSY, "BUSY", "plugin " + host_->id + " is stopping; try again later", not_started);
    }
}

void Life::use_workers()
{
    by_workers_ = true;
    pool_.start();
}

int Life::runner_pid() const
{
#ifdef AGENTHOST_HAS_RUNNER
    if (options_.isolated && plugin_) return host::runner_pid(plugin_);
#endif
    return 0;
}

void Life::one_less()
{
    if (in_flight_.fetch_sub(1, std::memory_order_relaxed) <= 1 && draining_) drained();
}

void Life::drained()
{
    if (options_.on_drained) options_.on_drained();
}

} // namespace agenthost::host
