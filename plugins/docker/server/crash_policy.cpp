#include "crash_policy.hpp"

#include <algorithm>

namespace agenthost::docker::server {

std::optional<std::chrono::milliseconds> CrashPolicy::crashed(std::chrono::milliseconds now,
                                                              std::chrono::milliseconds ran_for)
{
    constexpr std::size_t max_doublings = 20; // a million times the first delay: longer than any maximum
    if (ran_for >= limits_.window) crashes_.clear();
    if (crashes_.size() >= limits_.count + max_doublings) crashes_.erase(crashes_.begin());
    crashes_.push_back(now);
    const std::size_t number = crashes_.size(), count = std::max<std::size_t>(limits_.count, 1);
    if (number >= count && now - crashes_[number - count] < limits_.window) return std::nullopt;
    return std::min<std::chrono::milliseconds>(limits_.max,
                                               limits_.initial * (1L << std::min(number - 1, max_doublings)));
}

} // namespace agenthost::docker::server
