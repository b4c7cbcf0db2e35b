// The parts put together: timers look at the machine and at logs, facts and metrics carry what they saw, actions answer from it.
// One lock over all of it; nothing under it waits longer than a filesystem's patience (200 ms). Actions answer without I/O but for
// who the machine is, and for the health check's question to the host, which is asked without the lock.
#pragma once

#include "config.hpp"
#include "exporter.hpp"
#include "health.hpp"
#include "logs.hpp"
#include "look.hpp"
#include "machine.hpp"
#include "rates.hpp"

#include <agenthost/plugin.hpp>

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::telemetry {

class Service {
public:
    Service(Context&, const Config&);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    void start();
    Health health();

    void health_check(Request);
    void status(Request);
    void version(Request);
    void machine_id(Request);
    void metrics(Request);
    void logs(Request);

private:
    void look();
    void look_at_logs();
    void read_daemon_log(std::chrono::nanoseconds now);
    void publish(const Sample&);
    // Asks the host how it is and hands the answer to `then`; by `then` the request is answered.
    void
    ask_host(Request,
             std::function<void(Request&, const std::optional<AgentState>&, const std::string& why)> then);
    [[nodiscard]] Sample sample();

    Context& context_;
    const Config config_;
    std::mutex mutex_;
    Look look_;
    Rates rates_;
    Sample sample_;
    Exporter exporter_;
    std::optional<Logs> logs_;
    std::vector<char> tap_; // the buffer of ext/log_tap.h
    std::uint64_t warnings_published_ = 0;
    std::vector<Context::Task> tasks_;
};

} // namespace agenthost::telemetry
