#include "overdue_requests.hpp"

#include <algorithm>

namespace agenthost::host {

OverdueRequests::Added OverdueRequests::add(agh_req id)
{
    const std::lock_guard lock{mutex_};
    const auto at = std::ranges::find(ended_late_, id, &EndedLate::id);
    if (at == ended_late_.end()) {
        if (held_.size() < max_held) held_.insert(id);
        return Added::held;
    }
    const bool counted = at->counted;
    ended_late_.erase(at);
    return counted ? Added::ended : Added::ended_uncounted;
}

bool OverdueRequests::ended(agh_req id, bool counted)
{
    const std::lock_guard lock{mutex_};
    if (held_.erase(id) > 0) return true;
    if (ended_late_.size() >= max_ended_late) ended_late_.pop_front();
    ended_late_.push_back({id, counted});
    return false;
}

bool OverdueRequests::any() const
{
    const std::lock_guard lock{mutex_};
    return !held_.empty();
}

} // namespace agenthost::host
