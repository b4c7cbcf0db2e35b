#include "log_position.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::docker::engine {

void LogTrack::record(std::int64_t stamp_ns)
{
    // Messages before the first one were not requested, so they were not taken.
    if (newest_ == 0) forgotten_ = stamp_ns - 1;
    if (stamp_ns >= base_.since_ns) ++since_base_;
    newest_ = std::max(newest_, stamp_ns);
    if (!recent_.empty() && recent_.back().ns == stamp_ns) {
        ++recent_.back().count;
        return;
    }
    recent_.push_back({stamp_ns, 1});
    while (recent_.size() > max_stamps || (recent_.size() > 1 && recent_.front().ns < newest_ - window_ns)) {
        forgotten_ = std::max(forgotten_, recent_.front().ns);
        recent_.pop_front();
    }
}

LogPosition LogTrack::position() const
{
    if (recent_.empty()) return base_;
    LogPosition at;
    at.newest_ns = newest_;
    at.since_ns = std::max(forgotten_ + 1, newest_ - window_ns);
    // Of the messages before the base only their number is known.
    if (at.since_ns <= base_.newest_ns) return {base_.since_ns, base_.taken + since_base_, newest_};
    for (const Run& run : recent_)
        if (run.ns >= at.since_ns) at.taken += run.count;
    return at;
}

bool LogResume::take(std::int64_t stamp_ns)
{
    if (replaying_) {
        if (!std::exchange(any_, true)) reaches_back_ = stamp_ns < from_.since_ns;
        if (stamp_ns < from_.since_ns) return false; // Podman's since has no fraction
        if (skipped_ < from_.taken && stamp_ns <= from_.newest_ns) {
            ++skipped_;
            return false;
        }
        replaying_ = false;
        gap_ = skipped_ < from_.taken;
        if (gap_) track_ = LogTrack{{from_.since_ns, skipped_, from_.newest_ns}};
    }
    track_.record(stamp_ns);
    return true;
}

} // namespace agenthost::docker::engine
