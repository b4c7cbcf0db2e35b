// Bounds the time that the process takes to stop, whatever hangs: the whole shutdown by the configuration,
// and its last steps. arm_*() may be called from any thread.
#pragma once

#include "last_resort.hpp"

#include "host/config/config.hpp"

#include <atomic>
#include <chrono>

namespace agenthost::host {

class StopBounds {
public:
    // What `shutdown` of the configuration allows; the manual states the sum of it and `hard_stop`.
    static std::chrono::milliseconds allowed(const Config& config)
    {
        return config.shutdown_commands + config.shutdown_sessions + config.shutdown_plugins;
    }

    explicit StopBounds(int exit_code) : exit_code_{exit_code} {}

    void use(const Config& config) { from_signal_ = allowed(config) + hard_stop; }
    // Starts with a signal or another reason to stop. The first call counts.
    void arm_stop() { last_resort_.arm(from_signal_, exit_code_); }
    // For joins, the last commit, the audit and the log, each of which may be on a dead mount.
    void arm_tear_down() { last_resort_.arm(tear_down, exit_code_); }

private:
    static constexpr std::chrono::seconds hard_stop{20}, tear_down{10};

    LastResort last_resort_;
    std::atomic<std::chrono::milliseconds> from_signal_{};
    int exit_code_;
};

} // namespace agenthost::host
