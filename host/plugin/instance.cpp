#include "instance.hpp"

#include <agenthost/ext/log.h>

#include <algorithm>

namespace agenthost::host {
namespace {

using namespace std::chrono_literals;

// Callers of stop() that wait for one end.
constexpr std::size_t max_waiting = 64;

std::shared_ptr<const Manifest> nameless(const std::string& id)
{
    auto out = std::make_shared<Manifest>();
    out->id = id;
    return out;
}

std::string in_seconds(std::chrono::milliseconds t)
{
    return t.count() % 1000 == 0 ? std::to_string(t.count() / 1000) + " s"
                                 : std::to_string(t.count()) + " ms";
}

} // namespace

Instance::Instance(boost::asio::any_io_executor main, HostServices& services, FoundPlugin found,
                   const PluginConfig& config, std::string runner)
    : main_{std::make_shared<MainThread>(main)}, services_{services}, found_{std::move(found)},
      manifest_{found_.manifest ? found_.manifest : nameless(found_.id)}, config_{config},
      runner_{std::move(runner)}, path_{[this] { demoted(); }}, drain_{main}, restart_timer_{main}
{}

Instance::~Instance()
{
    here_.reset();
    main_->shut();
    if (life_) life_->give_up(); // the host exits without waiting for stop()
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
    const bool stuck = !stuck_.text().empty();
    out.healthy = health_.healthy() && state_ != PluginState::failed && !stuck;
    out.problem = stuck ? stuck_.text() : problem_;
    out.recovering = recovering_;
    out.stuck = stuck_.text();
    out.held = life_ ? life_->run().pool().held() : 0;
    out.restarts = restarts_.total();
    out.file_identity = found_.identity;
    out.degraded = health_.degraded() && !out.healthy && !stuck;
    out.queued = life_ ? life_->run().pool().queued() : 0;
    out.invoked = path_.invoked();
    out.inline_overruns = path_.overruns();
    out.demoted = path_.demoted();
    out.runner_pid = life_ && state_ != PluginState::starting ? life_->plugin().runner_pid() : 0;
    return out;
}

void Instance::later(std::function<void()> f) { main_->post(while_here(std::move(f))); }

// The proxy ends a runner that hangs, and then returns. Our own timeout is longer: enough for a drain, a
// destroy and reaping the process.
milliseconds Instance::runner_timeout() const
{
    return milliseconds{
        std::max({manifest_->create_timeout_ms, manifest_->start_timeout_ms, manifest_->stop_timeout_ms})};
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
    if (!found_.manifest)
        return found_.problem.empty() ? found_.manifest_file + ": does not exist. Install it."
                                      : found_.problem;
    const std::string& id = manifest_->id;
    if (config_.isolated && !manifest_->may_isolate)
        return "refused: it works only in the host's process. Set plugins." + id + ".isolation: in-process.";
    if (!config_.isolated && !manifest_->may_in_process)
        return "refused: it works only in a process of its own. Set plugins." + id + ".isolation: process.";
    if (!manifest_->config) return {};
    const std::string wrong = manifest_->config->check(config_json);
    return wrong.empty() ? wrong : config_problem(config_, wrong);
}

void Instance::start(Done done)
{
    if (state_ == PluginState::starting || state_ == PluginState::running ||
        state_ == PluginState::draining || clearing_) {
        later([done] { done("is started already, or stopping still."); });
        return;
    }
    if (std::string problem = refused_before_start(config_.config_json); !problem.empty()) {
        fail(problem);
        later([done, problem] { done(problem); });
        return;
    }
    restarts_.forget();
    recovering_ = false;
    restart_timer_.cancel();
    make_life(config_.config_json, [this, done = std::move(done)](const std::string& problem) {
        if (problem.empty() || !crashed_ || stop_) return done(problem);
        restart_later(); // like after any other crash
        done(problem_);
    });
}

Life::Options Instance::life_options(std::uint64_t number)
{
    const auto to_main = [main = main_](auto f) {
        return [main, f](std::string why) {
            main->post([f, why = std::move(why)]() mutable { f(std::move(why)); });
        };
    };
    Life::Options options;
    options.plugin = {
        .manifest = manifest_,
        .library = found_.library,
        .isolated = config_.isolated,
        .runner = runner_,
        .runner_timeout = runner_timeout(),
        .on_death =
            to_main(while_here([this, number](std::string why) { runner_died(number, std::move(why)); })),
        .on_misbehaviour = to_main(while_here([this](std::string why) { mark_unhealthy(std::move(why)); }))};
    options.services = &services_;
    options.main = main_;
    options.on_drained = [main = main_, f = while_here([this, number] {
                                            if (number == life_number_) drain_.finish();
                                        })] { main->post(f); };
    options.on_given_back = [main = main_, f = while_here([this, number] {
                                               if (number == life_number_) check_stuck();
                                           })] { main->post(f); };
    return options;
}

void Instance::make_life(std::string config_json, Done done)
{
    state_ = PluginState::starting;
    crashed_ = false;
    problem_.clear();
    stuck_.clear();
    health_.set_healthy();
    auto options = life_options(++life_number_);
    try {
        if (!control_) control_ = std::make_unique<ControlThread>(main_);
        life_ = Life::make(std::move(options));
    } catch (const std::exception& e) {
        later([this, done, why = std::string{"no thread or memory for it ("} + e.what() + "). Free some."] {
            started(done, why);
        });
        return;
    }
    create_life(std::move(config_json), std::move(done));
}

void Instance::create_life(std::string config_json, Done done)
{
    const auto timeout = timeout_of(manifest_->create_timeout_ms);
    control_->run({timeout, [life = life_, config = std::move(config_json)] { return life->create(config); },
                   [this, timeout, done](ControlThread::Ended how, std::string problem) {
                       if (how == ControlThread::Ended::too_late) return hangs("create", timeout, done);
                       if (!problem.empty()) return started(done, std::move(problem));
                       start_life(done);
                   },
                   [life = life_] { life->destroy(1s); }});
}

void Instance::start_life(Done done)
{
    const auto timeout = timeout_of(manifest_->start_timeout_ms);
    control_->run({timeout, [life = life_] { return life->plugin().start(); },
                   [this, timeout, done](ControlThread::Ended how, std::string why) {
                       if (how == ControlThread::Ended::too_late) return hangs("start", timeout, done);
                       if (why.empty()) return started(done, {});
                       crashed_ = life_->plugin().crashed();
                       life_->leave();
                       destroy_then([this, done, why](const std::string&) { started(done, why); });
                   },
                   [life = life_] { life->destroy(1s); }});
}

void Instance::started(Done done, std::string problem)
{
    if (problem.empty()) {
        if (std::string why = life_->open(); !why.empty()) {
            life_->leave();
            return destroy_then(
                [this, done = std::move(done), why = std::move(why)](const std::string&) mutable {
                    started(std::move(done), std::move(why));
                });
        }
        state_ = PluginState::running;
        restarts_.running(Clock::now());
        path_.begin(*life_, *manifest_, config_.isolated);
    } else {
        if (life_) crashed_ = life_->plugin().crashed();
        life_.reset();
        fail(problem);
    }
    done(problem);
    if (stop_) { // stop() was called while it started
        Stop waiting = std::move(*stop_);
        stop_.reset();
        for (Done& one : waiting.done) stop(waiting.grace, std::move(one));
    }
}

void Instance::fail(std::string problem)
{
    state_ = PluginState::failed;
    problem_ = std::move(problem);
    stuck_.forget_text();
}

// A thread cannot be stopped, so it is abandoned together with everything that it may use. The next start
// gets a new control thread.
void Instance::hangs(const char* call, milliseconds after, const Done& done)
{
    std::string problem = std::string{call} + "() did not return within " + in_seconds(after) +
                          "; its thread is left behind. Fix the plugin or raise \"timeouts\" in its "
                          "manifest; restart agenthost to be rid of the thread.";
    if (life_) life_->give_up();
    life_.reset();
    control_.reset();
    health_.returned();
    fail(problem);
    services_.plugin_died(manifest_->id, problem);
    done(problem);
    answer_stops({});
}

// --- stop

void Instance::stop(milliseconds grace, Done done)
{
    restart_timer_.cancel();
    recovering_ = false;
    drain_.shorten(grace);
    if (state_ == PluginState::starting || state_ == PluginState::draining || clearing_) {
        if (!stop_) stop_ = Stop{grace, {}};
        stop_->grace = std::min(stop_->grace, grace);
        if (stop_->done.size() < max_waiting) stop_->done.push_back(std::move(done));
        return;
    }
    if (state_ != PluginState::running) {
        if (state_ == PluginState::loaded) state_ = PluginState::stopped;
        later([done] { done({}); });
        return;
    }
    drain_then(grace, [this, done] {
        destroy_then([this, done](std::string problem) {
            if (problem.empty())
                state_ = PluginState::stopped;
            else
                fail(problem);
            done(problem);
            answer_stops(problem);
        });
    });
}

void Instance::drain_then(milliseconds grace, std::function<void()> next)
{
    state_ = PluginState::draining;
    drain_.set_asked(false);
    life_->refuse_queued("is stopping; try again later");
    const auto late = [this] {
        if (config_.isolated && drain_.asked()) kill_silent_runner();
    };
    drain_.begin(grace, late, std::move(next));
    if (!life_->plugin().drains()) return life_->in_flight().wait_idle();
    const auto timeout = timeout_of(manifest_->stop_timeout_ms);
    drain_.set_asked(true);
    control_->run({timeout, [life = life_] { return life->plugin().drain(), std::string{}; },
                   [this](ControlThread::Ended, const std::string&) {
                       drain_.set_asked(false); // if drain() hangs, destroy() times out behind it
                   },
                   nullptr});
}

// The runner has not answered drain(): the process is stopped, or its control thread hangs. It would not
// answer further calls either, and each would take its whole timeout, which is longer than the daemon may
// take to stop.
void Instance::kill_silent_runner()
{
    if (!life_) return; // another call hung in the meantime, and the life was given up
    services_.log(manifest_->id, AGH_LOG_WARN,
                  "its runner (pid " + std::to_string(life_->plugin().runner_pid()) +
                      ") did not answer when it was told to stop, and is killed",
                  {});
    life_->plugin().kill_runner();
}

// Ends a life: runs what is queued for [run], then calls destroy().
void Instance::destroy_then(Done next)
{
    if (!life_)
        return later([next = std::move(next)] { next({}); }); // it has hung in the meantime and was given up
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

std::unique_ptr<Plugin> make_plugin(boost::asio::any_io_executor main, HostServices& services,
                                    FoundPlugin found, const PluginConfig& config, std::string runner_path)
{
    return std::make_unique<Instance>(std::move(main), services, std::move(found), config,
                                      std::move(runner_path));
}

} // namespace agenthost::host
