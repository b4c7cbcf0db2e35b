// Metrics in Prometheus' text format: the host's own and those that plugins define (ext/metrics.h). Based on
// prometheus-cpp. Thread-safe; record() and command() never block for long (one short lock). Bounds: 64
// metrics per plugin, 32 label sets per metric; 256 actions, the rest is counted as "other"; 8,192 samples of
// a Sheet.
#pragma once

#include "wire/message.hpp"

#include <agenthost/abi.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace agenthost::host {

// Receives values that are collected at each scrape: one call per sample, with the same name and help for all
// samples of a metric.
class Sheet {
public:
    static constexpr std::size_t max_samples = 8192;
    using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
    virtual ~Sheet() = default;
    virtual void gauge(std::string_view name, std::string_view help, double value, Labels = {}) = 0;
    virtual void counter(std::string_view name, std::string_view help, double value, Labels = {}) = 0;
};

class Metrics {
public:
    static constexpr std::size_t metrics_per_plugin = 64;
    static constexpr std::size_t label_sets_per_metric = 32;
    static constexpr std::size_t max_actions = 256;

    Metrics();
    ~Metrics();

    // ext/metrics.h: names get the prefix agenthost_plugin_ID_.
    agh_status define(std::string_view plugin, std::string_view json, std::uint32_t* id);
    void record(std::string_view plugin, std::uint32_t id, double value);

    // A finished command: agenthost_commands_total{action,outcome}, agenthost_command_seconds{action}. An
    // empty action is "other": what peers make up must not become a label.
    void command(std::string_view action, wire::Outcome, std::chrono::nanoseconds took);

    // text() calls it, on the calling thread. Register at start-up, on the main thread.
    void source(std::function<void(Sheet&)> read);
    std::string text();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace agenthost::host
