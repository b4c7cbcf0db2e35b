#include "identity_conflicts.hpp"

#include <algorithm>

namespace agenthost::hub {

IdentityConflicts::Conflict& IdentityConflicts::touch(std::string_view agent, Time now)
{
    const std::string id{agent};
    if (const auto it = conflicts_.find(id); it != conflicts_.end()) {
        order_.splice(order_.end(), order_, it->second);
        if (now - it->second->last > over_after) *it->second = Conflict{.agent = id};
    } else {
        if (order_.size() >= max_identities) {
            conflicts_.erase(order_.front().agent);
            order_.pop_front();
        }
        order_.push_back(Conflict{.agent = id});
        conflicts_.emplace(id, std::prev(order_.end()));
    }
    order_.back().last = now;
    return order_.back();
}

IdentityConflicts::Verdict IdentityConflicts::meet(std::string_view agent, std::string_view newcomer,
                                                   std::string_view present, Time now, std::int64_t utc_ms)
{
    Conflict& conflict = touch(agent, now);
    if (conflict.since != 0 && now < conflict.held_until) {
        ++conflict.refused;
        conflict.peers = {std::string{present}, std::string{newcomer}};
        return {.wait = std::chrono::ceil<std::chrono::seconds>(conflict.held_until - now),
                .conflict = &conflict};
    }
    conflict.peers = {std::string{newcomer}, std::string{present}};
    conflict.recent.at(conflict.takeovers++ % threshold) = now;
    bool noticed = false;
    if (conflict.since == 0) {
        const Time first = conflict.recent.at(conflict.takeovers % threshold); // of the last `threshold`
        noticed = conflict.takeovers >= threshold && now - first <= window;
        if (!noticed) return {};
        conflict.since = utc_ms;
        conflict.hold = first_hold;
    } else {
        conflict.hold = std::min<std::chrono::seconds>(conflict.hold * 2, max_hold);
    }
    conflict.held_until = now + conflict.hold;
    return {.conflict = &conflict, .noticed = noticed};
}

const IdentityConflicts::Conflict* IdentityConflicts::find(std::string_view agent, Time now) const
{
    const auto it = conflicts_.find(std::string{agent});
    if (it == conflicts_.end() || it->second->since == 0 || now - it->second->last > over_after)
        return nullptr;
    return &*it->second;
}

} // namespace agenthost::hub
