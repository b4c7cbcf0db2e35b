// Numbers for operators, in Prometheus' text form: the host's own and those plugins define (ext/metrics.h). prometheus-cpp behind it.
// Thread-safe; record() and command() never block for long (one short lock). Bounds: 64 metrics a plugin, 32 label sets a metric.
#pragma once

#include <agenthost/abi.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace agenthost::host {

class Metrics {
public:
    static constexpr std::size_t metrics_per_plugin = 64;
    static constexpr std::size_t label_sets_per_metric = 32;

    Metrics();
    ~Metrics();

    // ext/metrics.h: names get the prefix agenthost_plugin_ID_.
    agh_status define(std::string_view plugin, std::string_view json, std::uint32_t* id);
    void record(std::string_view plugin, std::uint32_t id, double value);

    // A finished command: agenthost_commands_total{action,outcome}, agenthost_command_seconds{action}.
    void command(std::string_view action, bool succeeded, std::chrono::nanoseconds took);

    // Values that are read when asked for: text() calls every source. Registered at start-up, on the main thread.
    void gauge(std::string name, std::string help, std::function<double()> read);
    // The exposition. Call it on the main I/O thread: the sources of gauge() are the main thread's.
    std::string text();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace agenthost::host
