// The delay before the next connection attempt.
#pragma once

#include <chrono>
#include <functional>

namespace agenthost::wire {

using std::chrono::milliseconds;

// `first_at_once`: the first attempt after a loss follows after a random delay of up to 1 s, so that not all
// agents reconnect to a restarted server at the same moment; the configured delays follow. `refused`: the
// server rejected our credential; an early retry cannot succeed, so use the longest delay immediately.
struct Backoff {
    milliseconds initial{2'000}, max{30'000};
    double factor = 2, jitter = 0.2;
    bool first_at_once = false;
    std::function<double()> random; // [0, 1), injected
    [[nodiscard]] milliseconds delay(int failures, bool refused) const;
};

} // namespace agenthost::wire
