#include "follow_plan.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::docker::console {

FollowPlan::Step FollowPlan::on_inspected(Container container, bool podman)
{
    podman_ = podman;
    switch (container) {
    case Container::running: ended_ = finished_ = false; return begin(podman_);
    case Container::ended:
        if (finished_) return Step::complete;
        if (!std::exchange(ended_, true)) all_ = true;
        return begin(false);
    case Container::absent: return Step::complete;
    case Container::unknown: break;
    }
    return wait();
}

FollowPlan::Step FollowPlan::begin(bool follow)
{
    following_ = follow;
    new_ = 0;
    bytes_ = 0;
    return follow ? Step::follow : Step::read;
}

std::optional<std::uint32_t> FollowPlan::tail(std::uint32_t taken) const
{
    const std::uint64_t newer = lost_ ? reach_ : std::max(reach_, std::uint64_t{4} * last_new_);
    if (podman_ || all_ || taken == 0 || taken + newer > max_reach) return std::nullopt;
    return static_cast<std::uint32_t>(taken + newer);
}

bool FollowPlan::on_part(std::size_t bytes)
{
    ++new_;
    bytes_ += bytes;
    delay_ = {};
    if (podman_ || ended_) return false;
    return output_ == Output::backlog ? new_ > backlog_messages || bytes_ > backlog_bytes
                                      : new_ > burst_messages || bytes_ > burst_bytes;
}

FollowPlan::Step FollowPlan::on_flood(Time now, std::chrono::nanoseconds took)
{
    rest_until_ = now + std::clamp<std::chrono::nanoseconds>(rest_factor * took, rest_time, max_rest);
    failed_ = 0;
    output_ = Output::flood;
    lost_ = false;
    reach_ = min_reach;
    all_ = true; // the newest messages do not reach back
    return Step::peek;
}

FollowPlan::Step FollowPlan::on_peeked(const Newest& newest, Time now)
{
    // Stamps are compared with each other, not with the clock, which may be set at any time.
    const auto time = std::chrono::nanoseconds{newest.last_ns - newest.first_ns};
    const bool silent = std::exchange(newest_ns_, newest.last_ns) == newest.last_ns;
    const bool over = silent || newest.messages < peek_messages || time >= flood_time;
    output_ = over ? Output::backlog : Output::flood;
    if (!over && now < rest_until_) return Step::rest;
    newest_ns_ = 0;
    return begin(false);
}

FollowPlan::Step FollowPlan::on_cut()
{
    reach_ = std::max(reach_, std::uint64_t{4} * last_new_) * 16;
    all_ = reach_ > max_reach;
    return begin(false);
}

FollowPlan::Step FollowPlan::on_lost()
{
    lost_ = true;
    all_ = false;
    reach_ = output_ == Output::flood ? burst_messages : kept_messages;
    return begin(false);
}

FollowPlan::Step FollowPlan::on_output()
{
    delay_ = {};
    return Step::gather;
}

FollowPlan::Step FollowPlan::on_gathered() { return begin(false); }

FollowPlan::Step FollowPlan::on_behind() { return begin(false); }

FollowPlan::Step FollowPlan::on_end(bool clean)
{
    if (!clean) {
        // A clock that was set back makes readings fail, but not those that ask for a time.
        if (++failed_ % 4 == 3) all_ = true;
        return wait();
    }
    failed_ = 0;
    output_ = Output::usual;
    lost_ = false;
    const auto brought = std::exchange(new_, 0);
    // If the log of a running container keeps ending without a line, there is a pause before the next
    // request.
    if (following_) return brought > 0 ? Step::inspect : wait();
    last_new_ = brought;
    all_ = false;
    reach_ = min_reach;
    finished_ = ended_ && brought == 0;
    if (ended_) return Step::inspect;
    return brought <= few ? begin(true) : Step::gather;
}

FollowPlan::Step FollowPlan::wait()
{
    delay_ = std::clamp(delay_ * 2, min_delay, max_delay);
    return Step::wait;
}

} // namespace agenthost::docker::console
