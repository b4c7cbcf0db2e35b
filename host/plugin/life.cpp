#include "life.hpp"

#include "errors.hpp"

#include <agenthost/ext/log.h>

#include <mutex>
#include <vector>

namespace agenthost::host {
namespace {

constexpr std::uint32_t not_started = AGH_REPLY_NOT_STARTED;

// Keeps a destroyed agh_host until the process ends, because the plugin may still call it. Grows by one small
// object per reload.
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
    : options_{std::move(options)}, host_{new agh_host}, plugin_{plugin_options()},
      in_flight_{options_.on_drained}, run_{{.by_workers = manifest().run == Manifest::Run::worker &&
                                                           !options_.plugin.isolated,
                                             .main = options_.main,
                                             .owner = self_},
                                            manifest().concurrency,
                                            manifest().queue,
                                            [this](const agh_request& r) {
                                                serve(r);
                                            }, // the workers end before this life does
                                            [this](agh_req) {
                                                if (options_.on_given_back) options_.on_given_back();
                                            }},
      loop_{options_.main, deliver(),
            [self = self_](agh_task task, std::uint64_t cookie, std::uint32_t events) {
                if (const auto life = self->lock()) life->fire(task, cookie, events);
            }},
      calls_{*options_.services, manifest().id, deliver(), [self = self_](const std::function<void()>& f) {
                 const auto life = self->lock();
                 if (life && life->callable_) life->plugin_.on_result(f);
             }}
{
    static std::atomic<std::uint64_t> generations{0};
    host_->id = manifest().id;
    host_->generation = ++generations;
    host_->services = options_.services;
    host_->life = this;
    host_->may_call = !manifest().may_call.empty();
    host_->may_listen = manifest().may_listen && !options_.plugin.isolated;
    host_->state_directory = options_.services->state_directory(host_->id);
    if (!options_.plugin.isolated) keep_for_good(host_);
}

EntryPoints::Options Life::plugin_options()
{
    auto out = options_.plugin;
    out.on_misbehaviour = [this](const std::string& what) { misbehaved(what); };
    return out;
}

// Timers and callees may use Loop and Calls after this life has ended, so they refer to it weakly.
std::function<void(std::function<void()>)> Life::deliver()
{
    return [self = self_](std::function<void()> f) {
        if (const auto life = self->lock()) life->run_.soon(std::move(f));
    };
}

void Life::fire(agh_task task, std::uint64_t cookie, std::uint32_t events)
{
    if (callable_) plugin_.on_task(task, cookie, events);
}

Life::~Life()
{
    host_->close();
    if (options_.plugin.isolated) delete host_; // no plugin code in this process ever had a pointer to it
}

void Life::misbehaved(const std::string& what) noexcept
try {
    if (const HostCall alive{host_}; alive) options_.services->log(host_->id, AGH_LOG_ERROR, what, {});
    if (options_.plugin.on_misbehaviour) options_.plugin.on_misbehaviour(what);
} catch (...) {}

std::string Life::destroy(std::chrono::milliseconds for_workers)
{
    run_.pool().end();
    if (!run_.pool().join(for_workers))
        return "a worker thread does not come back from the plugin, so it cannot be destroyed; thread and "
               "memory are left behind. Restart agenthost to be rid of them" +
               std::string{manifest().may_isolate ? "; with isolation: process only its runner is." : "."};
    callable_ = false;
    if (!given_up_) options_.services->closing(host_->id);
    std::string problem = plugin_.destroy();
    host_->close();
    return problem;
}

std::string Life::open()
{
    if (std::string problem = run_.start(); !problem.empty()) return problem;
    callable_ = enterable_ = true;
    run_.release();
    return {};
}

void Life::close_run()
{
    refuse_queued("is stopping; try again later");
    calls_.close();
    loop_.close();
}

void Life::leave()
{
    enterable_ = false;
    // With workers only after they have joined, because they still run what close_run() has sent.
    if (!run_.by_workers()) callable_ = false;
}

void Life::give_up()
{
    // Never destroyed: the threads that hang in them may return.
    static auto& hanging = *new std::vector<std::shared_ptr<Life>>;
    hanging.push_back(shared_from_this());
    given_up_ = true;
    callable_ = enterable_ = false;
    loop_.close();
    run_.pool().end();
    host_->close();
}

agh_status Life::invoke(const agh_request& request, agh_error& error)
{
    in_flight_.add();
    const agh_status status = plugin_.invoke(request, error);
    if (status == AGH_PENDING) return status;
    if (status >= 0) { // invalid; the plugin may have completed the request anyway
        answer(request.id, AGH_E_INTERNAL, "INTERNAL",
               "the plugin's invoke() returned neither AGH_PENDING nor an error", 0);
        misbehaved("invoke() returned " + std::to_string(status) +
                   ", which is neither AGH_PENDING nor an error. Ask the plugin's author for a fix.");
        return AGH_PENDING;
    }
    in_flight_.remove();
    tidy(error);
    if (!error.code[0])
        fill_error(error, status, code_of(status),
                   error.text[0] ? std::string{error.text} : "the plugin refused and gave no reason");
    error.status = status;
    return status;
}

agh_status Life::queue(const agh_request& request, agh_error& error)
{
    bool taken = false;
    try {
        taken = run_.pool().push(request);
    } catch (const std::exception&) { // out of memory or descriptors
    }
    if (taken) return AGH_PENDING;
    fill_error(error, AGH_E_BUSY, "BUSY",
               "plugin " + host_->id + " has " + std::to_string(manifest().queue) +
                   " requests waiting already; try again later");
    return AGH_E_BUSY;
}

// Runs on a worker.
void Life::serve(const agh_request& request) noexcept
{
    agh_error error{};
    error.size = sizeof error;
    const agh_status status = invoke(request, error);
    if (status >= 0) return;
    in_flight_.add(); // answer() subtracts it again
    answer(request.id, status, error.code, error.text, status == AGH_E_BUSY ? not_started : 0);
}

void Life::answer(agh_req id, agh_status status, std::string_view code, std::string_view message,
                  std::uint32_t flags) noexcept
try {
    const std::string json = error_json(code, message);
    const agh_reply reply{sizeof reply, status, flags, 0, bytes(json), nullptr, 0, sizeof(agh_blob)};
    agh_status taken = AGH_E_STALE;
    if (const HostCall alive{host_}; alive) taken = options_.services->complete(host_->id, id, &reply);
    if (taken == AGH_E_STALE) overdue_.ended(id, true);
    in_flight_.remove();
} catch (...) {}

void Life::cancel(agh_req id)
{
    if (run_.pool().started() && run_.pool().take_back(id)) {
        // Later, because dispatch does not expect an answer from within its call.
        options_.main->post([self = shared_from_this(), id] {
            self->in_flight_.add();
            self->answer(id, AGH_E_CANCELLED, "CANCELLED", "cancelled before it began", not_started);
        });
        return;
    }
    if (enterable_) plugin_.cancel(id);
}

void Life::writable(agh_req id)
{
    if (enterable_) plugin_.writable(id);
}

void Life::overdue(agh_req id)
{
    if (overdue_.add(id) == OverdueRequests::Added::ended_uncounted) in_flight_.remove();
    run_.pool().hold(id);
}

void Life::completed_late(agh_req id)
{
    if (!overdue_.ended(id, false)) return;
    in_flight_.remove();
    if (options_.on_given_back) options_.on_given_back();
}

void Life::refuse_queued(const std::string& why)
{
    for (const agh_req id : run_.pool().take_back_all()) {
        in_flight_.add();
        answer(id, AGH_E_BUSY, "BUSY", "plugin " + host_->id + " " + why, not_started);
    }
}

} // namespace agenthost::host
