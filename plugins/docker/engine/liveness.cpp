#include "liveness.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::docker::engine {

Liveness::Step Liveness::tick(Time now, Time heard)
{
    const Duration since_last = now - std::exchange(last_tick_, now);
    heard = std::max(heard, began_);
    if (since_last > 2 * interval) {
        excused_ += since_last - interval;
        if (!asked_) began_ = heard = now; // what was heard may still wait to be read
    }
    if (asked_ && heard > *asked_) asked_.reset();
    if (!asked_) {
        if (now - heard < ask_after) return {};
        asked_ = now;
        silent_since_ = heard;
        excused_ = Duration{0};
        return {.ask = true};
    }
    const Duration silent = now - silent_since_ - excused_;
    if (silent < silent_after) return {};
    return {.state = silent < away_after ? State::silent : State::away,
            .silent_for = std::chrono::floor<std::chrono::seconds>(silent)};
}

} // namespace agenthost::docker::engine
