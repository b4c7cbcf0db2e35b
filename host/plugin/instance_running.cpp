// Instance: configuration, requests, health and the runner of a running plugin.
#include "host/schema/error_text.hpp"
#include "instance.hpp"
#include "library.hpp"

#include <agenthost/ext/log.h>

#include <algorithm>
#include <cstdio>

namespace agenthost::host {
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
    if (state_ == PluginState::failed) { // it is started with the new configuration
        if (clearing_) {
            later([done] { done("its runner has just died; try again later."); });
            return;
        }
        config_.config_json = std::move(config_json);
        return start(std::move(done));
    }
    if (state_ != PluginState::running) {
        config_.config_json = std::move(config_json); // used at the next start
        later([done] { done({}); });
        return;
    }
    if (!life_->plugin().configurable())
        return configure_by_remaking(std::move(config_json), std::move(done));
    const auto timeout = timeout_of(manifest_->start_timeout_ms);
    control_->run({timeout, [life = life_, config_json] { return life->plugin().configure(config_json); },
                   [this, timeout, config_json, done](ControlThread::Ended how, std::string problem) {
                       if (how == ControlThread::Ended::too_late) return hangs("configure", timeout, done);
                       if (problem.empty()) config_.config_json = config_json;
                       if (life_ && life_->plugin().stuck()) runner_died(life_number_, problem);
                       done(std::move(problem));
                   },
                   nullptr});
}

// For a plugin without configure(): a new instance replaces the current one; if it does not start, one with
// the old configuration does. If the library on disk has been replaced, a new instance cannot be loaded, so
// the current one keeps running.
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

agh_status Instance::invoke(const agh_request& request, agh_error& error)
{
    if (state_ != PluginState::running || stuck_.full()) return refuse(error);
    return path_.invoke(*life_, request, error);
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
    if (stuck_.full()) {
        std::snprintf(error.text, sizeof error.text, "plugin %s is stuck: %s", manifest_->id.c_str(),
                      stuck_.text().c_str());
        return AGH_E_BUSY;
    }
    const char* why = state_ == PluginState::starting   ? "is starting"
                      : state_ == PluginState::draining ? "is stopping"
                                                        : "is not running";
    std::snprintf(error.text, sizeof error.text, "plugin %s %s; try again later", manifest_->id.c_str(), why);
    return AGH_E_BUSY;
}

void Instance::demoted()
{
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
    health_.set_unhealthy(false);
    problem_ = std::move(why);
}

// A thread in this process cannot be stopped; a runner can be killed.
void Instance::overdue(agh_req id, std::string what)
{
    if (!life_ || state_ != PluginState::running)
        return; // it is stopping; destroy() reports requests that hang
    stuck_.overdue(std::move(what));
    if (!config_.isolated) {
        life_->overdue(id);
        return check_stuck();
    }
    kill_runner();
}

void Instance::kill_runner()
{
    if (!stuck_.kill(life_number_)) return;
    life_->plugin().kill_runner();
    services_.plugin_changed(manifest_->id);
}

void Instance::check_stuck()
{
    if (!life_ || state_ != PluginState::running || config_.isolated) return;
    const bool news = stuck_.update({.workers_held = life_->run().pool().held(),
                                     .workers = life_->run().pool().size(),
                                     .all_workers = life_->run().all_workers_held(),
                                     .requests = life_->holds_requests()},
                                    *manifest_);
    if (stuck_.full()) life_->refuse_queued("is stuck: " + stuck_.text());
    if (news) services_.plugin_changed(manifest_->id);
}

void Instance::check_health(Done done)
{
    if (state_ != PluginState::running) {
        later([this, done] { done(problem_.empty() ? "is not running." : problem_); });
        return;
    }
    switch (health_.ask(Clock::now())) {
    case HealthCheck::Ask::pending: return;
    case HealthCheck::Ask::hangs: // it is not asked again
        later([done] {
            done("its last health check has not returned; its control thread hangs. Restart agenthost.");
        });
        return;
    case HealthCheck::Ask::now: break;
    }
    const auto back = [main = main_, f = while_here([this] { health_.returned(); })] { main->post(f); };
    control_->run({config_.isolated ? timeout_of(0) : milliseconds{HealthCheck::timeout},
                   [life = life_] { return life->plugin().check_health(); },
                   [this, done](ControlThread::Ended how, std::string problem) {
                       health_checked(how, std::move(problem), done);
                   },
                   back});
}

void Instance::health_checked(ControlThread::Ended how, std::string problem, const Done& done)
{
    const bool in_time = how != ControlThread::Ended::too_late;
    if (in_time)
        health_.returned();
    else
        problem = "its health check did not return within 5 s; its control thread hangs.";
    if (how == ControlThread::Ended::in_time && state_ == PluginState::running && life_ &&
        life_->plugin().stuck()) {
        stuck_.overdue("its health check did not return");
        kill_runner();
    }
    if (problem.empty())
        health_.set_healthy();
    else
        health_.set_unhealthy(in_time && life_ && life_->plugin().degraded());
    if (state_ == PluginState::running) problem_ = problem;
    done(problem);
}

// --- the runner

void Instance::runner_died(std::uint64_t life, std::string why)
{
    if (life != life_number_) return;
    if (state_ == PluginState::draining && drain_.finish()) return; // it was stopping anyway
    if (state_ != PluginState::running) return; // while it starts, create() or start() reports it
    restarts_.died(Clock::now());
    if (stuck_.killed(life)) why = stuck_.overdue() + ", so its runner was killed: " + why;
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
    const auto delay = restarts_.next_delay();
    recovering_ = true;
    if (!problem_.ends_with('.')) problem_ += '.';
    problem_ += " It is started again in " + std::to_string(delay.count()) + " s.";
    services_.plugin_changed(manifest_->id);
    restart_timer_.expires_after(delay);
    restart_timer_.async_wait(while_here([this](boost::system::error_code ec) {
        if (ec || state_ != PluginState::failed) return;
        restarts_.restarted();
        make_life(config_.config_json, [this](const std::string& problem) {
            if (stop_) return;
            if (!problem.empty()) return restart_later();
            recovering_ = false;
            services_.plugin_changed(manifest_->id);
        });
    }));
}

} // namespace agenthost::host
