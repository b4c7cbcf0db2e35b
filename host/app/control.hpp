// Serves the control socket's API (HTTP and JSON, owner-only), which the CLI's verbs use, and /healthz,
// /readyz and /metrics, also on the loopback port of `metrics.bind`. The routes belong to the host and use
// the same table as plugins.
//
// The connections have a loop and thread of their own: /healthz reports there whether the daemon's loops run,
// and while one is blocked, everything else is answered 503 with the duration.
//
// Bounds: 64 concurrent calls, 1 MiB per request, one undelivered line per call with a slow reader.
#pragma once

#include "host/observe/conditions.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::host {

class Dispatcher;
class Listeners;

struct Reloaded {
    std::vector<std::string> changes, problems; // problems: nothing was changed
    std::vector<std::string> notices;           // changes that need a restart
    std::vector<std::string> failed;            // what failed; everything else was changed
};

struct ControlHooks { // each on the main I/O thread, except the first
    // How long an event loop has been blocked, if too long; any thread.
    std::function<std::optional<std::chrono::steady_clock::duration>()> stalled;
    std::function<std::string()> status;                // JSON
    std::function<std::string()> plugins;               // JSON
    std::function<std::string()> metrics;               // Prometheus' text form
    std::function<std::vector<Condition>()> conditions; // current conditions; empty: healthy
    std::function<bool()> ready;
    std::function<void(std::function<void(Reloaded)>)> reload;
    std::function<bool(const std::string& server)> reconnect; // false: no such server
    // Of the CLI's calls, as `limits` has it; empty: 30 s.
    std::function<std::chrono::milliseconds()> cancel_grace{};
};

class Control {
public:
    Control(boost::asio::any_io_executor main, Listeners&, Dispatcher&, ControlHooks);
    ~Control();
    // Claims the routes; `listener` must have been added to Listeners. metrics_only: no /v1.
    void serve(const std::string& listener, bool metrics_only);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace agenthost::host
