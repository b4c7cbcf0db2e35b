// Counts what may happen at most so often: `per_second` on average, and as many at once after a pause of
// `burst` seconds. Pure: told the time.
#pragma once

#include <algorithm>
#include <chrono>

namespace agenthost::hub {

class Allowance {
public:
    using Time = std::chrono::steady_clock::time_point;

    // Full at the beginning.
    explicit Allowance(double per_second, double burst_s = 1)
        : per_second_{per_second}, most_{per_second * burst_s}, left_{most_}
    {}

    // false: not one more now.
    bool take(Time now)
    {
        const std::chrono::duration<double> passed = now - counted_;
        left_ = std::min(most_, left_ + std::max(0.0, passed.count()) * per_second_);
        counted_ = now;
        if (left_ < 1) return false;
        left_ -= 1;
        return true;
    }

private:
    double per_second_, most_, left_;
    Time counted_{};
};

} // namespace agenthost::hub
