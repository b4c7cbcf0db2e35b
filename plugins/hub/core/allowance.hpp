// Limits a rate: `per_second` on average, and after a pause as many at once as in `burst_s` seconds. Pure;
// the caller passes the time.
#pragma once

#include <algorithm>
#include <chrono>

namespace agenthost::hub {

class Allowance {
public:
    using Time = std::chrono::steady_clock::time_point;

    // Starts full.
    explicit Allowance(double per_second, double burst_s = 1)
        : per_second_{per_second}, max_{per_second * burst_s}, left_{max_}
    {}

    // false: none is left now.
    bool take(Time now)
    {
        const std::chrono::duration<double> passed = now - counted_;
        left_ = std::min(max_, left_ + std::max(0.0, passed.count()) * per_second_);
        counted_ = now;
        if (left_ < 1) return false;
        left_ -= 1;
        return true;
    }

private:
    double per_second_, max_, left_;
    Time counted_{};
};

} // namespace agenthost::hub
