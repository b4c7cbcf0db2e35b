// Takes a plugin through its stages, on the main I/O thread: loaded, starting, running, draining, stopped or
// failed. Life calls the plugin, ControlThread waits for it. Beside it, InvokePath decides how requests reach
// the plugin, Restarts when a runner is started again, HealthCheck whether to ask, StuckRequests what is
// stuck and DrainWait how long to wait.
//
// More than 25 members, because the stages share their state and each asynchronous step of one is a function.
#pragma once

#include "control_thread.hpp"
#include "drain_wait.hpp"
#include "health_check.hpp"
#include "invoke_path.hpp"
#include "life.hpp"
#include "plugin.hpp"
#include "restarts.hpp"
#include "stuck_requests.hpp"

#include "host/config/config.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::host {

class Instance final : public Plugin {
public:
    Instance(boost::asio::any_io_executor main, HostServices&, FoundPlugin, const PluginConfig&,
             std::string runner);
    ~Instance() override;

    [[nodiscard]] const Manifest& manifest() const override { return *manifest_; }
    [[nodiscard]] PluginStatus status() const override;
    void start(Done) override;
    void configure(std::string config_json, Done) override;
    void stop(milliseconds grace, Done) override;
    void check_health(Done) override;
    agh_status invoke(const agh_request&, agh_error&) override;
    void cancel(agh_req) override;
    void writable(agh_req) override;
    void overdue(agh_req, std::string what) override;

private:
    using Clock = std::chrono::steady_clock;
    // stop() was called while it started or stopped.
    struct Stop {
        milliseconds grace{};
        std::vector<Done> done;
    };

    [[nodiscard]] milliseconds timeout_of(std::uint32_t manifest_ms) const;
    [[nodiscard]] milliseconds runner_timeout() const;
    [[nodiscard]] std::string refused_before_start(const std::string& config_json) const;
    void later(std::function<void()>);     // on the main thread, unless this is destroyed by then
    template <class F> auto while_here(F); // a callback that does nothing after this is destroyed

    // A life: made, opened, drained, destroyed.
    [[nodiscard]] Life::Options life_options(std::uint64_t number);
    void make_life(std::string config_json, Done);
    void create_life(std::string config_json, Done);
    void start_life(Done);
    void started(Done, std::string problem);
    void fail(std::string problem);
    void hangs(const char* call, milliseconds after, const Done&);
    void drain_then(milliseconds grace, std::function<void()> next);
    void destroy_then(Done);
    void configure_by_remaking(std::string config_json, Done);
    void remake(std::string config_json, Done);
    void answer_stops(const std::string& problem);

    // The runner.
    void kill_runner();
    void kill_silent_runner();
    void runner_died(std::uint64_t life, std::string why);
    void restart_later();

    // While it runs.
    agh_status refuse(agh_error&) const;
    void demoted();
    void mark_unhealthy(std::string why);
    void check_stuck();
    void health_checked(ControlThread::Ended, std::string problem, const Done&);

    std::shared_ptr<MainThread> main_;
    HostServices& services_;
    FoundPlugin found_;
    std::shared_ptr<const Manifest> manifest_;
    PluginConfig config_;
    std::string runner_;

    PluginState state_ = PluginState::loaded;
    std::string problem_;
    std::unique_ptr<ControlThread> control_;
    std::shared_ptr<Life> life_;
    std::uint64_t life_number_ = 0;
    bool clearing_ = false;   // a dead runner is being cleaned up
    bool recovering_ = false; // its runner died and is being restarted
    bool crashed_ = false;    // the last start failed because the runner died in it
    HealthCheck health_;
    StuckRequests stuck_;
    InvokePath path_;
    std::optional<Stop> stop_;
    DrainWait drain_;
    Restarts restarts_;
    boost::asio::steady_timer restart_timer_;
    // Weak copies tell callbacks whether this object still exists.
    std::shared_ptr<int> here_ = std::make_shared<int>(0);
};

template <class F> auto Instance::while_here(F f)
{
    return [here = std::weak_ptr{here_}, f = std::move(f)](auto&&... arguments) mutable {
        if (here.lock()) f(std::forward<decltype(arguments)>(arguments)...);
    };
}

} // namespace agenthost::host
