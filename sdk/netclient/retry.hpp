// When to try again: so many attempts within so long without progress. Told the time, holds no clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace agenthost::netclient {

class RetryBudget {
public:
    using Time = std::chrono::steady_clock::time_point;
    struct Limits {
        int attempts = 5;
        std::chrono::milliseconds within{30'000};
        std::chrono::milliseconds first_delay{250},
            longest_delay{8'000}; // doubled each time: 0.25 + 0.5 + 1 + 2 s for five attempts
    };

    RetryBudget(Limits limits, Time now) : limits_{limits}, since_{now} {}

    // How far the transfer is; only more than ever before counts, or a peer that always breaks off at the same byte is tried forever.
    void reached(std::uint64_t bytes, Time now)
    {
        if (bytes <= best_) return;
        best_ = bytes;
        since_ = now;
        failures_ = 0;
    }

    // Something moved, but it is not sure that it helps (bytes a kernel took, not the peer): the time starts anew, the count stays.
    void moved(Time when) { since_ = std::max(since_, when); }

    // An attempt failed. The delay before the next one, or nullopt: give up.
    std::optional<std::chrono::milliseconds> failed(Time now)
    {
        if (++failures_ >= limits_.attempts) return std::nullopt;
        const auto delay =
            std::min(limits_.first_delay * (1 << std::min(failures_ - 1, 20)), limits_.longest_delay);
        if (now + delay > since_ + limits_.within) return std::nullopt;
        return delay;
    }

private:
    Limits limits_;
    Time since_;
    std::uint64_t best_ = 0;
    int failures_ = 0;
};

} // namespace agenthost::netclient
