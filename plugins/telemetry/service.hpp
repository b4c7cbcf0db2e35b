// Assembles the plugin: timers read the machine and the logs, facts and metrics publish the results, actions
// answer from them. One lock guards everything; nothing under it waits longer than a filesystem's timeout
// (200 ms). Actions answer without I/O, except the machine's identity, and the health check's call to the
// host, which is made without the lock.
//
// More than 25 members: each action, fact and timer is a function.
#pragma once

#include "config.hpp"
#include "exporter.hpp"
#include "health.hpp"
#include "logs.hpp"
#include "machine.hpp"
#include "rates.hpp"
#include "system_reader.hpp"

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
    void take_sample();
    void read_logs();
    void read_daemon_log(std::chrono::nanoseconds now);
    void publish(const Sample&);
    // Queries the host's status and passes it to `then`, which answers the request.
    void
    ask_host(Request,
             std::function<void(Request&, const std::optional<AgentState>&, const std::string& why)> then);
    [[nodiscard]] Sample sample();

    Context& context_;
    const Config config_;
    std::mutex mutex_;
    SystemReader reader_;
    Rates rates_;
    Sample sample_;
    Exporter exporter_;
    std::optional<Logs> logs_;
    std::vector<char> tap_; // the buffer of ext/log_tap.h
    std::uint64_t warnings_published_ = 0;
    std::vector<Context::Task> tasks_;
};

} // namespace agenthost::telemetry
