// The control socket's API (HTTP and JSON, owner-only): what the CLI's verbs ask a running daemon. Also serves /healthz, /readyz and
// /metrics, there and on the loopback port of `metrics.bind`. Routes are the host's own, through the same table plugins use.
//
// The connections' own loop and thread are not the main ones: /healthz says there whether the daemon's loops turn, and while one does
// not, everything else is answered 503 with for how long.
//
// Bounds: 64 calls at once, 1 MiB a request, one undelivered line a call when its reader is slow.
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
    std::vector<std::string> notices;           // what only a restart changes
    std::vector<std::string> failed;            // the rest was changed, this could not be
};

struct ControlHooks { // each on the main I/O thread, but the first
    // How long an event loop has stood still, when that is too long; any thread.
    std::function<std::optional<std::chrono::steady_clock::duration>()> stalled;
    std::function<std::string()> status;                // JSON
    std::function<std::string()> plugins;               // JSON
    std::function<std::string()> metrics;               // Prometheus' text form
    std::function<std::vector<Condition>()> conditions; // what degrades it; empty: healthy
    std::function<bool()> ready;
    std::function<void(std::function<void(Reloaded)>)> reload;
    std::function<bool(const std::string& server)> reconnect; // false: no such server
    std::function<std::chrono::milliseconds()>
        cancel_grace{}; // of the CLI's calls, as `limits` has it; empty: 30 s
};

class Control {
public:
    Control(boost::asio::any_io_executor main, Listeners&, Dispatcher&, ControlHooks);
    ~Control();
    // Claims the routes; `listener` has been added to Listeners. metrics_only: no /v1.
    void serve(const std::string& listener, bool metrics_only);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace agenthost::host
