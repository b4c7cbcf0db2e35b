#include "instance.hpp"

#include <agenthost/ext/log.h>

#include <algorithm>

#include <time.h>

namespace agenthost::host {
namespace {

using namespace std::chrono_literals;

constexpr auto least_overrun = 5ms;       // an inline call longer than this delays every session on its thread
constexpr std::size_t overruns_allowed = 3;
constexpr auto overrun_window = 60s;      // three in a minute are no accident
constexpr auto health_timeout = 5s;       // the ABI says 100 ms; this is when we give up asking
constexpr auto longest_backoff = 60s;
constexpr auto steady_after = 60s;        // a runner that lived this long starts its back-off anew
constexpr std::size_t most_waiting = 64;  // callers of stop()

// CLOCK_MONOTONIC_COARSE costs a quarter of the exact one and is behind by at most one tick: a difference of more than
// 5 ms and a tick is certainly more than 5 ms.
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

std::shared_ptr<const Manifest> nameless(const std::string& id)
{
    auto out = std::make_shared<Manifest>();
    out->id = id;
    return out;
}

std::string in_seconds(std::chrono::milliseconds t)
{
    return t.count() % 1000 == 0 ? std::to_string(t.count() / 1000) + " s" : std::to_string(t.count()) + " ms";
}

} // namespace

Instance::Instance(boost::asio::any_io_executor main, HostServices& services, FoundPlugin found, const PluginConfig& config,
                   std::string runner)
    : main_{std::make_shared<MainThread>(main)}, services_{services}, found_{std::move(found)},
      manifest_{found_.manifest ? found_.manifest : nameless(found_.id)}, config_{config}, runner_{std::move(runner)},
      grace_timer_{main}, restart_timer_{main}
{
}

Instance::~Instance()
{
    here_.reset();
    main_->shut();
    if (life_) life_->give_up(); // stopped() or a failed start came before, or the host ends in a hurry
    control_.reset();
}

PluginStatus Instance::status() const
{
    PluginStatus out;
    out.id = manifest_->id;
    out.version = manifest_->version;
    out.file = found_.library;
    out.state = state_;
    out.isolated = config_.isolated;
    out.healthy = healthy_ && state_ != PluginState::failed;
    out.problem = problem_;
    out.queued = life_ ? life_->queued() : 0;
    out.invoked = invoked_;
    out.inline_overruns = overruns_;
    out.demoted = demoted_;
    out.runner_pid = life_ && state_ != PluginState::starting ? life_->runner_pid() : 0;
    return out;
}

template<class F> auto Instance::while_here(F f)
{
    return [here = std::weak_ptr{here_}, f = std::move(f)](auto&&... arguments) mutable {
        if (here.lock()) f(std::forward<decltype(arguments)>(arguments)...);
    };
}

void Instance::later(std::function<void()> f) { main_->post(while_here(std::move(f))); }

// A runner that hangs is ended by its proxy, which then returns: our own timeout stands behind that one, for a drain and a destroy in a
// row and for reaping.
milliseconds Instance::runner_timeout() const
{
    return milliseconds{std::max({manifest_->create_timeout_ms, manifest_->start_timeout_ms, manifest_->stop_timeout_ms})};
}

milliseconds Instance::timeout_of(std::uint32_t manifest_ms) const
{
    return config_.isolated ? 2 * runner_timeout() + 10s : milliseconds{manifest_ms};
}

void Instance::answer_stops(const std::string& problem)
{
    if (!stop_) return;
    const Stop waiting = std::move(*stop_);
    stop_.reset();
    for (const Done& one : waiting.done) one(problem);
}

// --- start

std::string Instance::refused_before_start(const std::string& config_json) const
{
    if (!found_.manifest) return found_.problem.empty() ? found_.manifest_file + ": does not exist. Install it." : found_.problem;
    const std::string& id = manifest_->id;
    if (config_.isolated && !manifest_->may_isolate)
        return "refused: it works only in the host's process. Set plugins." + id + ".isolation: in-process.";
    if (!config_.isolated && !manifest_->may_in_process)
        return "refused: it works only in a process of its own. Set plugins." + id + ".isolation: process.";
    if (!manifest_->config) return {};
    const std::string wrong = manifest_->config->check(config_json);
    if (wrong.empty()) return {};
    return (config_.where.empty() ? "" : config_.where + ": ") + "plugins." + id + ".config" + (wrong.starts_with('/') ? "" : " ") + wrong;
}

void Instance::start(Done done)
{
    if (state_ == PluginState::starting || state_ == PluginState::running || state_ == PluginState::draining || clearing_) {
        later([done] { done("is started already, or stopping still."); });
        return;
    }
    if (std::string problem = refused_before_start(config_.config_json); !problem.empty()) {
        fail(problem);
        later([done, problem] { done(problem); });
        return;
    }
    restarts_ = 0;
    restart_timer_.cancel();
    make_life(config_.config_json, std::move(done));
}

void Instance::make_life(std::string config_json, Done done)
{
    state_ = PluginState::starting;
    problem_.clear();
    healthy_ = true;
    const std::uint64_t number = ++life_number_;
    Life::Options options;
    options.services = &services_;
    options.main = main_;
    options.manifest = manifest_;
    options.library = found_.library;
    options.isolated = config_.isolated;
    options.runner = runner_;
    options.runner_timeout = runner_timeout();
    const auto to_main = [main = main_](auto f) {
        return [main, f](std::string why) { main->post([f, why = std::move(why)]() mutable { f(std::move(why)); }); };
    };
    options.on_death = to_main(while_here([this, number](std::string why) { runner_died(number, std::move(why)); }));
    options.on_misbehaviour = to_main(while_here([this](std::string why) { mark_unhealthy(std::move(why)); }));
    options.on_drained = [main = main_, f = while_here([this, number] {
                              if (number == life_number_ && on_drained_) std::exchange(on_drained_, nullptr)();
                          })] { main->post(f); };
    try {
        if (!control_) control_ = std::make_unique<ControlThread>(main_);
        life_ = Life::make(std::move(options));
    } catch (const std::exception& e) {
        later([this, done, why = std::string{"no thread or memory for it ("} + e.what() + "). Free some."] {
            started(done, why);
        });
        return;
    }
    const auto create_timeout = timeout_of(manifest_->create_timeout_ms);
    const auto start_timeout = timeout_of(manifest_->start_timeout_ms);
    const auto clean_up = [life = life_] { life->destroy(1s); };
    control_->run({create_timeout, [life = life_, config = std::move(config_json)] { return life->create(config); },
                   [this, create_timeout, start_timeout, clean_up, done](ControlThread::Ended how, std::string problem) {
                       if (how == ControlThread::Ended::too_late) return hangs("create", create_timeout, done);
                       if (!problem.empty()) return started(done, std::move(problem));
                       control_->run({start_timeout, [life = life_] { return life->start(); },
                                      [this, start_timeout, done](ControlThread::Ended ended, std::string why) {
                                          if (ended == ControlThread::Ended::too_late) return hangs("start", start_timeout, done);
                                          if (why.empty()) return started(done, {});
                                          life_->leave();
                                          destroy_then([this, done, why](const std::string&) { started(done, why); });
                                      },
                                      clean_up});
                   },
                   clean_up});
}

void Instance::started(Done done, std::string problem)
{
    if (problem.empty()) {
        life_->open();
        state_ = PluginState::running;
        running_since_ = Clock::now();
        pick_path();
    } else {
        life_.reset();
        fail(problem);
    }
    done(problem);
    if (stop_) { // asked for while it started
        Stop waiting = std::move(*stop_);
        stop_.reset();
        for (Done& one : waiting.done) stop(waiting.grace, std::move(one));
    }
}

void Instance::fail(std::string problem)
{
    state_ = PluginState::failed;
    problem_ = std::move(problem);
}

// A thread cannot be stopped: it stays behind with everything it may touch, and the plugin gets a new control thread next time.
void Instance::hangs(const char* call, milliseconds after, const Done& done)
{
    std::string problem = std::string{call} + "() did not return within " + in_seconds(after) +
                          "; its thread is left behind. Fix the plugin or raise \"timeouts\" in its manifest; restart agenthost to be rid of the thread.";
    if (life_) life_->give_up();
    life_.reset();
    control_.reset();
    checking_ = false;
    fail(problem);
    services_.plugin_died(manifest_->id, problem);
    done(problem);
    answer_stops({});
}

// --- stop

void Instance::stop(milliseconds grace, Done done)
{
    restart_timer_.cancel();
    if (state_ == PluginState::starting || state_ == PluginState::draining || clearing_) {
        if (!stop_) stop_ = Stop{grace, {}};
        if (stop_->done.size() < most_waiting) stop_->done.push_back(std::move(done));
        return;
    }
    if (state_ != PluginState::running) {
        if (state_ == PluginState::loaded) state_ = PluginState::stopped;
        later([done] { done({}); });
        return;
    }
    drain_then(grace, [this, done] {
        destroy_then([this, done](std::string problem) {
            if (problem.empty()) state_ = PluginState::stopped;
            else fail(problem);
            done(problem);
            answer_stops(problem);
        });
    });
}

void Instance::drain_then(milliseconds grace, std::function<void()> next)
{
    state_ = PluginState::draining;
    life_->refuse_queued();
    const auto once = std::make_shared<std::function<void()>>(std::move(next));
    const auto proceed = [this, once] {
        grace_timer_.cancel();
        on_drained_ = nullptr;
        if (auto go = std::exchange(*once, nullptr)) go();
    };
    on_drained_ = proceed;
    grace_timer_.expires_after(grace);
    grace_timer_.async_wait(while_here([proceed](boost::system::error_code ec) {
        if (!ec) proceed();
    }));
    if (!life_->drains()) return life_->wait_idle();
    const auto timeout = timeout_of(manifest_->stop_timeout_ms);
    control_->run({timeout, [life = life_] { return life->drain(), std::string{}; },
                   [](ControlThread::Ended, const std::string&) {}, // one that hangs shows in destroy, behind it
                   nullptr});
}

// The end of a life: what waits for [run] gets its turn, then destroy() alone.
void Instance::destroy_then(Done next)
{
    if (state_ == PluginState::running) state_ = PluginState::draining;
    life_->close_run();
    later([this, next = std::move(next)] {
        if (!life_) return next({});
        life_->leave();
        const auto timeout = timeout_of(manifest_->stop_timeout_ms);
        control_->run({timeout, [life = life_, timeout] { return life->destroy(timeout * 3 / 4); },
                       [this, timeout, next](ControlThread::Ended how, std::string problem) {
                           if (how == ControlThread::Ended::too_late) return hangs("destroy", timeout, next);
                           if (!problem.empty()) {
                               life_->give_up();
                               services_.plugin_died(manifest_->id, problem);
                           }
                           life_.reset();
                           next(std::move(problem));
                       },
                       nullptr});
    });
}

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
    if (state_ != PluginState::running) {
        config_.config_json = std::move(config_json); // counts when it is started
        later([done] { done({}); });
        return;
    }
    if (!life_->configurable()) return remake(std::move(config_json), std::move(done));
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

// Without configure(): destroyed and made anew; when the new one does not start, the old configuration again.
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
                make_life(config_.config_json, [this, done, problem](std::string again) {
                    done(again.empty() ? problem + " The old configuration goes on." : problem + " And with the old configuration: " + again);
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
    if (timed_ && demoted_) life_->use_workers();
}

agh_status Instance::invoke(const agh_request& request, agh_error& error)
{
    if (state_ != PluginState::running) return refuse(error);
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
        std::snprintf(error.text, sizeof error.text, "plugin %s has failed: %s", manifest_->id.c_str(), problem_.c_str());
        return AGH_E_BUSY;
    }
    const char* why = state_ == PluginState::starting ? "is starting" : state_ == PluginState::draining ? "is stopping" : "is not running";
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
    demoted_ = by_workers_ = true;
    life_->use_workers();
    services_.log(manifest_->id, AGH_LOG_WARN, "blocked the I/O thread for more than 5 ms three times in a minute: it runs on a worker thread from "
                                    "now on. Set \"run\": \"worker\" in its manifest.", {});
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
    healthy_ = false;
    problem_ = std::move(why);
}

void Instance::check_health(Done done)
{
    if (state_ != PluginState::running) {
        later([this, done] { done(problem_.empty() ? "is not running." : problem_); });
        return;
    }
    if (checking_) { // one that hangs is not asked again
        later([done] { done("its last health check has not returned; its control thread hangs. Restart agenthost."); });
        return;
    }
    checking_ = true;
    const auto back = [main = main_, f = while_here([this] { checking_ = false; })] { main->post(f); };
    control_->run({config_.isolated ? timeout_of(0) : milliseconds{health_timeout}, [life = life_] { return life->check_health(); },
                   [this, done](ControlThread::Ended how, std::string problem) {
                       if (how == ControlThread::Ended::too_late) problem = "its health check did not return within 5 s; its control thread hangs.";
                       else checking_ = false;
                       healthy_ = problem.empty();
                       if (state_ == PluginState::running) problem_ = problem;
                       done(problem);
                   },
                   back});
}

// --- the runner

void Instance::runner_died(std::uint64_t life, std::string why)
{
    if (life != life_number_) return;
    if (state_ == PluginState::draining && on_drained_) return std::exchange(on_drained_, nullptr)(); // it goes anyway
    if (state_ != PluginState::running) return; // starting: create() or start() reports it
    if (Clock::now() - running_since_ > steady_after) restarts_ = 0;
    services_.plugin_died(manifest_->id, why);
    fail(why);
    clearing_ = true;
    destroy_then([this](const std::string&) {
        clearing_ = false;
        if (!stop_) return restart_later();
        state_ = PluginState::stopped;
        answer_stops({});
    });
}

void Instance::restart_later()
{
    const auto delay = std::min<std::chrono::seconds>(longest_backoff, std::chrono::seconds{1} * (1 << std::min(restarts_, 6)));
    ++restarts_;
    if (!problem_.ends_with('.')) problem_ += '.';
    problem_ += " It is started again in " + std::to_string(delay.count()) + " s.";
    restart_timer_.expires_after(delay);
    restart_timer_.async_wait(while_here([this](boost::system::error_code ec) {
        if (ec || state_ != PluginState::failed) return;
        make_life(config_.config_json, [this](const std::string& problem) {
            if (!problem.empty() && !stop_) restart_later();
        });
    }));
}

std::unique_ptr<Plugin> make_plugin(boost::asio::any_io_executor main, HostServices& services, FoundPlugin found,
                                    const PluginConfig& config, std::string runner_path)
{
    return std::make_unique<Instance>(std::move(main), services, std::move(found), config, std::move(runner_path));
}

} // namespace agenthost::host
