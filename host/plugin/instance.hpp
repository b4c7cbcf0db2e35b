// The stages of a plugin, on the main I/O thread: loaded, starting, running, draining, stopped or failed;
// restarts of a runner with back-off; demotion of an inline plugin that blocks. What calls the plugin is
// Life, what waits for it is ControlThread.
#pragma once

#include "control_thread.hpp"
#include "life.hpp"
#include "plugin.hpp"

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
    struct Stop {
        milliseconds grace{};
        std::vector<Done> done;
    };

    [[nodiscard]] milliseconds timeout_of(std::uint32_t manifest_ms) const;
    [[nodiscard]] milliseconds runner_timeout() const;
    void answer_stops(const std::string& problem);
    void arm_grace(milliseconds);
    void mark_unhealthy(std::string why);
    void look_for_stuck();
    void kill_runner();
    void kill_silent_runner();
    [[nodiscard]] std::string refused_before_start(const std::string& config_json) const;
    void later(std::function<void()>);     // on the main thread, unless this is gone by then
    template <class F> auto while_here(F); // a callback that does nothing once this is gone
    void make_life(std::string config_json, Done);
    void started(Done, std::string problem);
    void fail(std::string problem);
    void hangs(const char* call, milliseconds after, const Done&);
    void drain_then(milliseconds grace, std::function<void()> next);
    void destroy_then(Done);
    void configure_by_remaking(std::string config_json, Done);
    void remake(std::string config_json, Done);
    void runner_died(std::uint64_t life, std::string why);
    void restart_later();
    agh_status refuse(agh_error&) const;
    void overran();
    void pick_path();

    std::shared_ptr<MainThread> main_;
    HostServices& services_;
    FoundPlugin found_;
    std::shared_ptr<const Manifest> manifest_;
    PluginConfig config_;
    std::string runner_;

    PluginState state_ = PluginState::loaded;
    std::string problem_;
    bool healthy_ = true;
    bool degraded_ = false; // with !healthy_: by its own word it works in part
    std::unique_ptr<ControlThread> control_;
    std::shared_ptr<Life> life_;
    std::uint64_t life_number_ = 0;
    bool by_workers_ = true; // how invoke() goes
    bool timed_ = false;
    bool demoted_ = false;
    bool clearing_ = false;       // what is left of a runner that died is taken away
    bool checking_ = false;       // a health check has not come back
    bool drain_waits_ = false;    // drain() has been asked for and has not returned
    bool recovering_ = false;     // its runner died and is started again
    bool crashed_ = false;        // the last start failed because the runner died in it
    bool full_ = false;           // every worker is held: nothing is accepted
    std::string stuck_, overdue_; // what it does not give back; the latest of it
    std::uint64_t killed_ = 0;    // the life whose runner we killed
    Clock::time_point checking_since_;
    std::uint64_t invoked_ = 0, overruns_ = 0;
    std::vector<Clock::time_point> recent_overruns_;
    std::optional<Stop> stop_;
    std::function<void()> on_drained_;
    boost::asio::steady_timer grace_timer_, restart_timer_;
    Clock::time_point grace_ends_{};
    int restarts_ = 0; // for the backoff
    std::uint64_t restarted_ = 0;
    Clock::time_point running_since_{};
    std::shared_ptr<int> here_ =
        std::make_shared<int>(0); // weak copies tell callbacks whether this is still here
};

template <class F> auto Instance::while_here(F f)
{
    return [here = std::weak_ptr{here_}, f = std::move(f)](auto&&... arguments) mutable {
        if (here.lock()) f(std::forward<decltype(arguments)>(arguments)...);
    };
}

} // namespace agenthost::host
