// Decides when to retry: a number of attempts within a time without progress. The caller passes the time;
// there is no clock here.
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
        // Doubled each time: 0.25 + 0.5 + 1 + 2 s for five attempts.
        std::chrono::milliseconds first_delay{250}, max_delay{8'000};
    };

    RetryBudget(Limits limits, Time now) : limits_{limits}, since_{now} {}

    // Reports the transfer's position. Only a new maximum counts; otherwise a peer that always disconnects at
    // the same byte is retried forever.
    void reached(std::uint64_t bytes, Time now)
    {
        if (bytes <= best_) return;
        best_ = bytes;
        since_ = now;
        failures_ = 0;
    }

    // Reports activity that may not be progress (bytes accepted by the kernel, not the peer): restarts the
    // time, keeps the count.
    void moved(Time when) { since_ = std::max(since_, when); }

    // An attempt failed. The delay before the next one, or nullopt: give up.
    std::optional<std::chrono::milliseconds> failed(Time now)
    {
        if (++failures_ >= limits_.attempts) return std::nullopt;
        const auto delay =
            std::min(limits_.first_delay * (1 << std::min(failures_ - 1, 20)), limits_.max_delay);
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
