// Decides when a crashed server is started again: the delay doubles with each crash, and too many crashes in
// a short time stop the restarts. A run that lasts a full window clears all earlier crashes.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

namespace agenthost::docker::server {

struct CrashLimits {
    std::chrono::milliseconds initial{std::chrono::seconds{1}}, max{std::chrono::minutes{5}};
    std::size_t count = 5; // crashes within the window: give up
    std::chrono::milliseconds window{std::chrono::minutes{10}};
};

class CrashPolicy {
public:
    explicit CrashPolicy(CrashLimits limits) : limits_{limits} {}

    // The delay before the next start; nullopt: give up. `now` counts from any fixed point and never goes
    // back.
    std::optional<std::chrono::milliseconds> crashed(std::chrono::milliseconds now,
                                                     std::chrono::milliseconds ran_for);
    void forgive() { crashes_.clear(); }
    [[nodiscard]] std::size_t crashes() const { return crashes_.size(); }

private:
    CrashLimits limits_;
    std::vector<std::chrono::milliseconds> crashes_; // times, the oldest first; a bounded number
};

} // namespace agenthost::docker::server
