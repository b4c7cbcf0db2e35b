// Detects a transfer that is too slow to keep its slot. A peer that sends a byte every few seconds never hits
// an idle timeout, but its rate over a window is too low. The caller passes the time; there is no clock here.
#pragma once

#include <chrono>
#include <cstdint>

namespace agenthost::base {

class RateFloor {
public:
    using Time = std::chrono::steady_clock::time_point;
    struct Limits {
        std::uint64_t bytes_per_second = 0; // 0: no minimum
        std::chrono::milliseconds window{60'000};
    };

    RateFloor(Limits limits, Time now) : limits_{limits}, since_{now} {}

    // `moved`: bytes of all attempts so far; never decreases. True: the window that has just ended moved
    // fewer bytes than the minimum rate requires. A transfer that becomes too slow is detected within two
    // windows, if this is called that often.
    bool too_slow(std::uint64_t moved, Time now)
    {
        using std::chrono::duration_cast, std::chrono::milliseconds;
        const auto passed = duration_cast<milliseconds>(now - since_);
        if (limits_.bytes_per_second == 0 || passed < limits_.window) return false;
        const double required =
            static_cast<double>(limits_.bytes_per_second) * static_cast<double>(passed.count()) / 1000;
        const bool slow = static_cast<double>(moved - base_) < required;
        base_ = moved;
        since_ = now;
        return slow;
    }

private:
    Limits limits_;
    Time since_;
    std::uint64_t base_ = 0;
};

} // namespace agenthost::base
