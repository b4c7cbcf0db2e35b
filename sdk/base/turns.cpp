#include "turns.hpp"

#include <algorithm>

namespace agenthost::base {

std::optional<Turns::Ticket> Turns::add(std::string_view caller)
{
    if (!shares_.may_run(caller) && !shares_.may_wait(caller)) return std::nullopt;
    const Ticket ticket = ++last_;
    const auto of_job = callers_.emplace(ticket, caller).first;
    waiting_[of_job->second].push_back(ticket);
    shares_.waits(caller);
    return ticket;
}

std::optional<Turns::Ticket> Turns::next()
{
    auto best = waiting_.end();
    for (auto at = waiting_.begin(); at != waiting_.end(); ++at)
        if (shares_.may_run(at->first) && (best == waiting_.end() || shares_.before(at->first, best->first)))
            best = at;
    if (best == waiting_.end()) return std::nullopt;
    const Ticket ticket = best->second.front();
    const std::string& caller = callers_.at(ticket);
    // Order matters: a caller with nothing left is forgotten.
    shares_.begins(caller);
    shares_.served(caller);
    shares_.leaves(caller);
    best->second.pop_front();
    if (best->second.empty()) waiting_.erase(best);
    return ticket;
}

void Turns::finished(Ticket ticket)
{
    const auto job = callers_.find(ticket);
    if (job == callers_.end()) return;
    shares_.ends(job->second);
    callers_.erase(job);
}

bool Turns::withdraw(Ticket ticket)
{
    const auto job = callers_.find(ticket);
    if (job == callers_.end()) return false;
    const auto queue = waiting_.find(job->second);
    if (queue == waiting_.end()) return false;
    const auto place = std::find(queue->second.begin(), queue->second.end(), ticket);
    if (place == queue->second.end()) return false;
    queue->second.erase(place);
    if (queue->second.empty()) waiting_.erase(queue);
    shares_.leaves(job->second);
    callers_.erase(job);
    return true;
}

std::size_t Turns::waiting(std::string_view caller) const
{
    const auto queue = waiting_.find(caller);
    return queue == waiting_.end() ? 0 : queue->second.size();
}

} // namespace agenthost::base
