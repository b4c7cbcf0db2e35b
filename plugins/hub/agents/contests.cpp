#include "contests.hpp"

#include <algorithm>

namespace agenthost::hub {

Contests::Contest& Contests::touch(std::string_view agent, Time now)
{
    const std::string id{agent};
    if (const auto it = contests_.find(id); it != contests_.end()) {
        order_.splice(order_.end(), order_, it->second);
        if (now - it->second->last > over_after) *it->second = Contest{.agent = id};
    } else {
        if (order_.size() >= max_identities) {
            contests_.erase(order_.front().agent);
            order_.pop_front();
        }
        order_.push_back(Contest{.agent = id});
        contests_.emplace(id, std::prev(order_.end()));
    }
    order_.back().last = now;
    return order_.back();
}

Contests::Verdict Contests::meet(std::string_view agent, std::string_view newcomer, std::string_view present,
                                 Time now, std::int64_t utc_ms)
{
    Contest& contest = touch(agent, now);
    if (contest.since != 0 && now < contest.held_until) {
        ++contest.refused;
        contest.peers = {std::string{present}, std::string{newcomer}};
        return {.wait = std::chrono::ceil<std::chrono::seconds>(contest.held_until - now),
                .contest = &contest};
    }
    contest.peers = {std::string{newcomer}, std::string{present}};
    contest.recent.at(contest.takeovers++ % enough) = now;
    bool noticed = false;
    if (contest.since == 0) {
        const Time first = contest.recent.at(contest.takeovers % enough); // of the last `enough`
        noticed = contest.takeovers >= enough && now - first <= window;
        if (!noticed) return {};
        contest.since = utc_ms;
        contest.hold = first_hold;
    } else {
        contest.hold = std::min<std::chrono::seconds>(contest.hold * 2, max_hold);
    }
    contest.held_until = now + contest.hold;
    return {.contest = &contest, .noticed = noticed};
}

const Contests::Contest* Contests::find(std::string_view agent, Time now) const
{
    const auto it = contests_.find(std::string{agent});
    if (it == contests_.end() || it->second->since == 0 || now - it->second->last > over_after)
        return nullptr;
    return &*it->second;
}

} // namespace agenthost::hub
