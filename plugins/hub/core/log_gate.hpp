// Limits log lines that strangers cause: twenty at once, then one a second. Pure; time is handed in. Not thread-safe.
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

    // nullopt: not this one. Else how many were left out since the last that was written.
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
