// The second half of instance.hpp: what happens while it runs.
#include "host/schema/words.hpp"
#include "instance.hpp"
#include "library.hpp"

#include <agenthost/ext/log.h>

#include <algorithm>
#include <cstdio>

#include <time.h>

namespace agenthost::host {
namespace {

using namespace std::chrono_literals;

constexpr auto least_overrun = 5ms; // an inline call longer than this delays every session on its thread
constexpr std::size_t overruns_allowed = 3;
constexpr auto overrun_window = 60s; // three in a minute are no accident
constexpr auto health_timeout = 5s;  // the ABI says 100 ms; this is when we give up asking
constexpr auto longest_backoff = 60s;
constexpr auto steady_after = 60s; // a runner that lived this long starts its back-off anew

// CLOCK_MONOTONIC_COARSE costs a quarter of the exact one and is behind by at most one tick: a difference of
// more than 5 ms and a tick is certainly more than 5 ms.
std::int64_t coarse_ns()
{
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}
const std::int64_t overrun_ns = [] {
    timespec tick{};
    ::clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
    return std::chrono::nanoseconds{least_overrun}.count() + tick.tv_nsec;
}();

} // namespace

// --- configure

void Instance::configure(std::string config_json, Done done)
{
    if (std::string problem = refused_before_start(config_json); !problem.empty()) {
        later([done, problem] { done(problem); });
        return;
    }
    if (state_ == PluginState::starting || state_ == PluginState::draining) {
        later([done] { done("is starting or stopping; try again when it runs."); });
        return;
    }
    if (state_ == PluginState::failed) { // nothing runs that could be configured: it is started with it
        if (clearing_) {
            later([done] { done("its runner has just died; try again later."); });
            return;
        }
        config_.config_json = std::move(config_json);
        return start(std::move(done));
    }
    if (state_ != PluginState::running) {
        config_.config_json = std::move(config_json); // counts when it is started
        later([done] { done({}); });
        return;
    }
    if (!life_->configurable()) return configure_by_remaking(std::move(config_json), std::move(done));
    const auto timeout = timeout_of(manifest_->start_timeout_ms);
    control_->run({timeout, [life = life_, config_json] { return life->configure(config_json); },
                   [this, timeout, config_json, done](ControlThread::Ended how, std::string problem) {
                       if (how == ControlThread::Ended::too_late) return hangs("configure", timeout, done);
                       if (problem.empty()) config_.config_json = config_json;
                       if (life_ && life_->stuck()) runner_died(life_number_, problem);
                       done(std::move(problem));
                   },
                   nullptr});
}

// Without configure(): a new instance replaces this one; when it does not start, the old configuration is used again. A library that was
// replaced on disk gives no new instance, so nothing is stopped for one.
void Instance::configure_by_remaking(std::string config_json, Done done)
{
    if (config_.isolated) return remake(std::move(config_json), std::move(done));
    const auto timeout = timeout_of(manifest_->start_timeout_ms);
    control_->run({timeout, [library = found_.library] { return replaced_library(library); },
                   [this, timeout, config_json, done](ControlThread::Ended how, const std::string& problem) {
                       if (how == ControlThread::Ended::too_late) return hangs("configure", timeout, done);
                       if (!problem.empty()) return done(problem);
                       if (state_ != PluginState::running)
                           return done("is stopping; try again when it runs.");
                       remake(config_json, done);
                   },
                   nullptr});
}

void Instance::remake(std::string config_json, Done done)
{
    drain_then(milliseconds{manifest_->stop_timeout_ms}, [this, config_json, done] {
        destroy_then([this, config_json, done](std::string stuck) {
            if (!stuck.empty()) {
                fail(stuck);
                return done(stuck);
            }
            make_life(config_json, [this, config_json, done](std::string problem) {
                if (problem.empty()) {
                    config_.config_json = config_json;
                    return done({});
                }
                if (stop_) return done(problem);
                make_life(config_.config_json, [done, problem](std::string again) {
                    done(again.empty() ? sentence(problem) + " The old configuration goes on."
                         : again == problem
                             ? problem
                             : sentence(problem) + " And with the old configuration: " + again);
                });
            });
        });
    });
}

// --- running

void Instance::pick_path()
{
    timed_ = manifest_->run == Manifest::Run::inline_ && !config_.isolated;
    by_workers_ = !config_.isolated && (manifest_->run == Manifest::Run::worker || demoted_);
    if (timed_ && demoted_) demoted_ = by_workers_ = life_->use_workers();
}

agh_status Instance::invoke(const agh_request& request, agh_error& error)
{
    if (state_ != PluginState::running || full_) return refuse(error);
    ++invoked_;
    if (by_workers_) return life_->queue(request, error);
    if (!timed_) return life_->invoke(request, error);
    const std::int64_t began = coarse_ns();
    const agh_status status = life_->invoke(request, error);
    if (coarse_ns() - began > overrun_ns) overran();
    return status;
}

agh_status Instance::refuse(agh_error& error) const
{
    error.status = AGH_E_BUSY;
    std::snprintf(error.code, sizeof error.code, "BUSY");
    if (state_ == PluginState::failed) {
        std::snprintf(error.text, sizeof error.text, "plugin %s has failed: %s", manifest_->id.c_str(),
                      problem_.c_str());
        return AGH_E_BUSY;
    }
    if (full_) {
        std::snprintf(error.text, sizeof error.text, "plugin %s is stuck: %s", manifest_->id.c_str(),
                      stuck_.c_str());
        return AGH_E_BUSY;
    }
    const char* why = state_ == PluginState::starting   ? "is starting"
                      : state_ == PluginState::draining ? "is stopping"
                                                        : "is not running";
    std::snprintf(error.text, sizeof error.text, "plugin %s %s; try again later", manifest_->id.c_str(), why);
    return AGH_E_BUSY;
}

void Instance::overran()
{
    ++overruns_;
    const auto now = Clock::now();
    std::erase_if(recent_overruns_, [&](Clock::time_point t) { return now - t > overrun_window; });
    recent_overruns_.push_back(now);
    if (recent_overruns_.size() < overruns_allowed || demoted_) return;
    if (!life_->use_workers()) return; // tried again at the next one
    demoted_ = by_workers_ = true;
    services_.log(
        manifest_->id, AGH_LOG_WARN,
        "blocked the I/O thread for more than 5 ms three times in a minute: it runs on a worker thread from "
        "now on. Set \"run\": \"worker\" in its manifest.",
        {});
}

void Instance::cancel(agh_req id)
{
    if (life_) life_->cancel(id);
}

void Instance::writable(agh_req id)
{
    if (life_) life_->writable(id);
}

void Instance::mark_unhealthy(std::string why)
{
    healthy_ = degraded_ = false;
    problem_ = std::move(why);
}

// A thread cannot be stopped from outside, a process can.
void Instance::overdue(agh_req id, std::string what)
{
    if (!life_ || state_ != PluginState::running) return; // it is ending: destroy() tells
    overdue_ = std::move(what);
    if (!config_.isolated) {
        life_->overdue(id);
        return look_for_stuck();
    }
    kill_runner();
}

void Instance::kill_runner()
{
    if (std::exchange(killed_, life_number_) == life_number_) return;
    stuck_ = overdue_ + ". Its runner is killed and started again.";
    life_->kill_runner();
    services_.plugin_changed(manifest_->id);
}

void Instance::look_for_stuck()
{
    if (!life_ || state_ != PluginState::running || config_.isolated) return;
    const auto held = life_->held_workers();
    std::string now;
    if (held > 0)
        now = overdue_ + ": " + std::to_string(held) + " of its " + std::to_string(life_->workers()) +
              " worker threads are held" +
              (life_->all_workers_held() ? ", and new requests are refused" : "");
    else if (life_->holds_requests())
        now = overdue_ + ": it keeps requests that nobody waits for any more";
    if (!now.empty()) {
        now += ". It runs inside the daemon, where a thread cannot be stopped: restart agenthost.";
        if (manifest_->may_isolate)
            now += " With plugins." + manifest_->id +
                   ".isolation: process the daemon restarts the plugin alone when this happens.";
    }
    full_ = life_->all_workers_held();
    if (full_) life_->refuse_queued("is stuck: " + now);
    if (std::exchange(stuck_, now) != now) services_.plugin_changed(manifest_->id);
}

void Instance::check_health(Done done)
{
    if (state_ != PluginState::running) {
        later([this, done] { done(problem_.empty() ? "is not running." : problem_); });
        return;
    }
    if (checking_ && Clock::now() - checking_since_ < health_timeout) return; // its answer is on the way
    if (checking_) { // one that hangs is not asked again
        later([done] {
            done("its last health check has not returned; its control thread hangs. Restart agenthost.");
        });
        return;
    }
    checking_ = true;
    checking_since_ = Clock::now();
    const auto back = [main = main_, f = while_here([this] { checking_ = false; })] { main->post(f); };
    control_->run({config_.isolated ? timeout_of(0) : milliseconds{health_timeout},
                   [life = life_] { return life->check_health(); },
                   [this, done](ControlThread::Ended how, std::string problem) {
                       if (how == ControlThread::Ended::too_late)
                           problem = "its health check did not return within 5 s; its control thread hangs.";
                       else
                           checking_ = false;
                       healthy_ = problem.empty();
                       if (how == ControlThread::Ended::in_time && state_ == PluginState::running && life_ &&
                           life_->stuck()) {
                           overdue_ = "its health check did not return";
                           kill_runner();
                       }
                       degraded_ = !healthy_ && how != ControlThread::Ended::too_late && life_ &&
                                   life_->says_degraded();
                       if (state_ == PluginState::running) problem_ = problem;
                       done(problem);
                   },
                   back});
}

// --- the runner

void Instance::runner_died(std::uint64_t life, std::string why)
{
    if (life != life_number_) return;
    if (state_ == PluginState::draining && on_drained_)
        return std::exchange(on_drained_, nullptr)(); // it goes anyway
    if (state_ != PluginState::running) return;       // starting: create() or start() reports it
    if (Clock::now() - running_since_ > steady_after) restarts_ = 0;
    if (killed_ == life) why = overdue_ + ", so its runner was killed: " + why;
    fail(why);
    clearing_ = recovering_ = true;
    destroy_then([this](const std::string&) {
        clearing_ = false;
        if (!stop_) return restart_later();
        state_ = PluginState::stopped;
        answer_stops({});
    });
    services_.plugin_died(manifest_->id, why);
}

void Instance::restart_later()
{
    const auto delay = std::min<std::chrono::seconds>(longest_backoff, std::chrono::seconds{1} *
                                                                           (1 << std::min(restarts_, 6)));
    ++restarts_;
    recovering_ = true;
    if (!problem_.ends_with('.')) problem_ += '.';
    problem_ += " It is started again in " + std::to_string(delay.count()) + " s.";
    services_.plugin_changed(manifest_->id);
    restart_timer_.expires_after(delay);
    restart_timer_.async_wait(while_here([this](boost::system::error_code ec) {
        if (ec || state_ != PluginState::failed) return;
        ++restarted_;
        make_life(config_.config_json, [this](const std::string& problem) {
            if (stop_) return;
            if (!problem.empty()) return restart_later();
            recovering_ = false;
            services_.plugin_changed(manifest_->id);
        });
    }));
}

} // namespace agenthost::host
