#include "backoff.hpp"

#include <algorithm>
#include <cmath>

namespace agenthost::wire {

milliseconds Backoff::delay(int failures, bool refused) const
{
    if (first_at_once && failures <= 1 && !refused)
        return milliseconds{static_cast<milliseconds::rep>(1000 * random())};
    if (first_at_once) --failures;
    const double longest = static_cast<double>(max.count());
    const double first = static_cast<double>(initial.count());
    const double steps = std::clamp(failures - 1, 0, 62);
    const double base = refused ? longest : std::min(longest, first * std::pow(factor, steps));
    const double spread = 1 + jitter * (2 * random() - 1);
    return milliseconds{static_cast<milliseconds::rep>(base * spread)};
}

} // namespace agenthost::wire
