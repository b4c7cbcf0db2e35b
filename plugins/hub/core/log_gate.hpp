// Rate-limits log lines that unauthenticated peers cause: a burst of twenty, then one per second. Pure; the
// caller passes the time. Not thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace agenthost::hub {

class LogGate {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr int burst = 20;
    static constexpr auto refill = std::chrono::seconds{1};

    // nullopt: suppress this line. Else how many were suppressed since the last written one.
    std::optional<std::uint64_t> open(Time now)
    {
        debt_until_ = std::max(now, debt_until_);
        if (debt_until_ - now > (burst - 1) * refill) return ++left_out_, std::nullopt;
        debt_until_ += refill;
        return std::exchange(left_out_, 0);
    }

private:
    Time debt_until_{};
    std::uint64_t left_out_ = 0;
};

} // namespace agenthost::hub
