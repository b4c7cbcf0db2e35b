// So many a second, a second's worth at once.
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
        const double most = std::max(1.0, per_second);
        tokens_ =
            first_
                ? most
                : std::min(most, tokens_ + per_second * std::chrono::duration<double>(now - last_).count());
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
