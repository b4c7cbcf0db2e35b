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
    return follow ? Step::follow : Step::read;
}

std::optional<std::uint32_t> FollowPlan::tail(std::uint32_t taken) const
{
    const std::uint64_t newer = std::max(reach_, std::uint64_t{4} * last_new_);
    if (podman_ || all_ || taken == 0 || taken + newer > max_reach) return std::nullopt;
    return static_cast<std::uint32_t>(taken + newer);
}

void FollowPlan::on_part()
{
    ++new_;
    delay_ = {};
}

FollowPlan::Step FollowPlan::on_cut()
{
    reach_ = std::max(reach_, std::uint64_t{4} * last_new_) * 16;
    all_ = reach_ > max_reach;
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
    const auto brought = std::exchange(new_, 0);
    // If the log of a running container keeps ending without a line, there is a pause before the next
    // request.
    if (following_) return brought > 0 ? Step::inspect : wait();
    last_new_ = brought;
    all_ = false;
    reach_ = min_reach;
    finished_ = ended_ && brought == 0;
    if (ended_) return Step::inspect;
    return begin(brought <= few);
}

FollowPlan::Step FollowPlan::wait()
{
    delay_ = std::clamp(delay_ * 2, min_delay, max_delay);
    return Step::wait;
}

} // namespace agenthost::docker::console
