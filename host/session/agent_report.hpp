// Collects what heartbeats and metrics report about this agent: the plugins' facts, its uptime, its health.
//
// Main I/O thread. Owned by OutboundSession.
#pragma once

#include "host/dispatch/facts.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace agenthost::host {

class AgentReport {
public:
    // `started`: of the daemon. `healthy` may be empty: it always is.
    AgentReport(const Facts& facts, std::chrono::steady_clock::time_point started,
                std::function<bool()> healthy)
        : facts_{facts}, started_{started}, healthy_{std::move(healthy)}
    {}

    // A JSON object: the facts, `uptime` in seconds, `agent_status` "healthy" or "degraded".
    [[nodiscard]] std::string heartbeat(std::chrono::steady_clock::time_point now) const;
    // A JSON object: the fact `metrics`; empty: no plugin measures.
    [[nodiscard]] std::string metrics() const;
    // The capabilities that servers are told: `manifests`, those of the plugins' manifests as a JSON array, and what
    // plugins publish as the fact `capabilities`, which depends on the machine. At most max_capabilities.
    [[nodiscard]] std::string capabilities(const std::string& manifests) const;
    static constexpr std::size_t max_capabilities = 64, max_capability = 64;
    // What a registration says that the machine can do: the fact `machine_capabilities`, with `plugins`, the plugins'
    // capabilities as a JSON array, as its member `features`. Without the fact, `plugins` alone.
    [[nodiscard]] std::string registration(const std::string& plugins) const;

private:
    // Its JSON; empty: no plugin publishes it.
    [[nodiscard]] std::string fact(std::string_view key) const;

    const Facts& facts_;
    std::chrono::steady_clock::time_point started_;
    std::function<bool()> healthy_;
};

} // namespace agenthost::host
