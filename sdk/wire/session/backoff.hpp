// How long to wait before the next attempt to connect.
#pragma once

#include <chrono>
#include <functional>

namespace agenthost::wire {

using std::chrono::milliseconds;

// `first_at_once`: the first attempt after a loss follows within a second, spread, so that a server that restarts is not met by all
// of its agents in one instant; only then the delays begin.
// `refused`: the server said no to our credential; asking again soon cannot help, so the longest delay, at once.
struct Backoff {
    milliseconds initial{2'000}, max{30'000};
    double factor = 2, jitter = 0.2;
    bool first_at_once = false;
    std::function<double()> random; // [0, 1), injected
    [[nodiscard]] milliseconds delay(int failures, bool refused) const;
};

} // namespace agenthost::wire
