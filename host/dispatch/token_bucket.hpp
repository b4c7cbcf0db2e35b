// Limits a rate: a number of commands per second, of which at most one second's worth may come at once.
//
// Pure. Main thread. Owned by CallerRecord.
#pragma once

#include <algorithm>
#include <chrono>

namespace agenthost::host {

class TokenBucket {
public:
    using Time = std::chrono::steady_clock::time_point;

    bool take(double per_second, Time now)
    {
        if (per_second <= 0) return true; // unlimited
        const double capacity = std::max(1.0, per_second);
        tokens_ = first_
                      ? capacity
                      : std::min(capacity,
                                 tokens_ + per_second * std::chrono::duration<double>(now - last_).count());
        first_ = false;
        last_ = now;
        if (tokens_ < 1) return false;
        tokens_ -= 1;
        return true;
    }

private:
    double tokens_ = 0;
    Time last_{};
    bool first_ = true;
};

} // namespace agenthost::host
