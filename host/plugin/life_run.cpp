// The second half of life.hpp: requests, tasks and their answers, while it is open.
#include "errors.hpp"
#include "host/runner/runner_client.hpp"
#include "life.hpp"

#include <algorithm>
#include <vector>

namespace agenthost::host {
namespace {

constexpr std::uint32_t not_started = AGH_REPLY_NOT_STARTED;

} // namespace

std::string Life::open()
{
    try {
        if (by_workers_) pool_.start();
    } catch (const std::exception& e) {
        return std::string{"no threads for its workers ("} + e.what() +
               "). Raise the limit of processes (TasksMax of the service, ulimit -u), or free some.";
    }
    callable_ = enterable_ = true;
    std::deque<std::function<void()>> early;
    {
        const std::lock_guard lock{early_mutex_};
        open_ = true;
        early.swap(early_);
    }
    for (auto& f : early) run_soon(std::move(f));
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
    if (!by_workers_)
        callable_ = false; // else when the workers have joined: what close_run() sent still runs there
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
        if (self->by_workers_)
            self->pool_.task(f); // demoted meanwhile
        else
            f();
    });
}

agh_status Life::invoke(const agh_request& request, agh_error& error)
{
    in_flight_.fetch_add(1, std::memory_order_relaxed);
    const agh_status status =
        guarded("invoke", &error, [&] { return api_->invoke(plugin_, &request, &error); });
    if (status == AGH_PENDING) return status;
    if (status >= 0) { // not a valid return; it may have completed all the same
        answer(request.id, AGH_E_INTERNAL, "INTERNAL",
               "the plugin's invoke() returned neither AGH_PENDING nor an error", 0);
        misbehaved("invoke() returned " + std::to_string(status) +
                   ", which is neither AGH_PENDING nor an error. Ask the plugin's author for a fix.");
        return AGH_PENDING;
    }
    one_less();
    tidy(error);
    if (!error.code[0])
        say(error, status, code_of(status),
            error.text[0] ? std::string{error.text} : "the plugin refused and gave no reason");
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
    say(error, AGH_E_BUSY, "BUSY",
        "plugin " + host_->id + " has " + std::to_string(options_.manifest->queue) +
            " requests waiting already; try again later");
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

void Life::answer(agh_req id, agh_status status, std::string_view code, std::string_view message,
                  std::uint32_t flags) noexcept
try {
    const std::string json = error_json(code, message);
    const agh_reply reply{sizeof reply, status, flags, 0, bytes(json), nullptr, 0, sizeof(agh_blob)};
    agh_status taken = AGH_E_STALE;
    if (const HostCall alive{host_}; alive) taken = options_.services->complete(host_->id, id, &reply);
    if (taken == AGH_E_STALE) forget_overdue(id, true);
    one_less();
} catch (...) {}

void Life::cancel(agh_req id)
{
    if (pool_.started() && pool_.take_back(id)) {
        options_.main->post([self = shared_from_this(), id] { // not from inside dispatch's call
            self->in_flight_.fetch_add(1, std::memory_order_relaxed);
            self->answer(id, AGH_E_CANCELLED, "CANCELLED", "cancelled before it began", not_started);
        });
        return;
    }
    if (enterable_ && AGH_HAS(api_, cancel))
        guarded("cancel", nullptr, [&] { return api_->cancel(plugin_, id), AGH_OK; });
}

void Life::writable(agh_req id)
{
    if (enterable_ && AGH_HAS(api_, writable))
        guarded("writable", nullptr, [&] { return api_->writable(plugin_, id), AGH_OK; });
}

// The plugin has had its time for this request and the grace after it.
void Life::overdue(agh_req id)
{
    constexpr std::size_t max_overdue = 4096; // dispatch admits far fewer at once
    bool uncounted = false;
    {
        const std::lock_guard lock{overdue_mutex_};
        const auto ended = std::ranges::find(ended_late_, id, &EndedLate::id);
        if (ended != ended_late_.end()) {
            uncounted = !ended->counted;
            ended_late_.erase(ended);
        } else if (overdue_.size() < max_overdue) {
            overdue_.insert(id);
        }
    }
    if (uncounted) one_less();
    pool_.hold(id);
}

bool Life::holds_requests() const
{
    const std::lock_guard lock{overdue_mutex_};
    return !overdue_.empty();
}

// A request that the host gave up has ended. False: overdue() is not called yet, and will find it in ended_late_.
bool Life::forget_overdue(agh_req id, bool counted)
{
    constexpr std::size_t max_ended_late = 64; // completions of ids that never become overdue are among them
    const std::lock_guard lock{overdue_mutex_};
    if (overdue_.erase(id) > 0) return true;
    if (ended_late_.size() >= max_ended_late) ended_late_.pop_front();
    ended_late_.push_back({id, counted});
    return false;
}

void Life::completed_late(agh_req id)
{
    if (!forget_overdue(id, false)) return;
    one_less();
    if (options_.on_given_back) options_.on_given_back();
}

void Life::kill_runner()
{
    const std::lock_guard lock{plugin_mutex_};
    if (options_.isolated && plugin_ && !destroyed_) host::runner_kill(plugin_);
}

void Life::refuse_queued(const std::string& why)
{
    for (const agh_req id : pool_.take_back_all()) {
        in_flight_.fetch_add(1, std::memory_order_relaxed);
        answer(id, AGH_E_BUSY, "BUSY", "plugin " + host_->id + " " + why, not_started);
    }
}

bool Life::use_workers()
{
    try {
        pool_.start();
    } catch (const std::exception&) { // out of threads
        return false;
    }
    by_workers_ = true;
    return true;
}

int Life::runner_pid() const
{
    const std::lock_guard lock{plugin_mutex_};
    if (options_.isolated && plugin_ && !destroyed_) return host::runner_pid(plugin_);
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
