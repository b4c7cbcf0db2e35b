#include "schedule.hpp"

#include <algorithm>

namespace agenthost::storage {

std::optional<Ticket> Schedule::add(Job job)
{
    if (!shares_.may_wait(job.caller)) return std::nullopt;
    const Ticket ticket = ++last_;
    callers_[job.caller].push_back(ticket);
    shares_.waits(job.caller);
    if (!job.file.empty()) files_[job.file].push_back(ticket);
    jobs_.emplace(ticket, Entry{std::move(job)});
    return ticket;
}

bool Schedule::may_run(Ticket ticket, const Entry& entry) const
{
    if (entry.job.needs_slot && !shares_.may_run(entry.job.caller)) return false;
    if (entry.job.file.empty()) return true;
    for (const Ticket earlier : files_.at(entry.job.file)) {
        if (earlier == ticket) return true;
        if (entry.job.access == Access::write || jobs_.at(earlier).job.access == Access::write) return false;
    }
    return true;
}

std::optional<Ticket> Schedule::next()
{
    std::optional<Ticket> best;
    for (const auto& [caller, jobs] : callers_) {
        if (best && !shares_.before(caller, jobs_.at(*best).job.caller)) continue;
        const auto found =
            std::find_if(jobs.begin(), jobs.end(), [&](Ticket t) { return may_run(t, jobs_.at(t)); });
        if (found != jobs.end()) best = *found;
    }
    if (!best) return std::nullopt;
    Entry& entry = jobs_.at(*best);
    entry.running = true;
    // Order matters: a caller with nothing left is forgotten.
    if (entry.job.needs_slot) shares_.begins(entry.job.caller);
    shares_.served(entry.job.caller);
    leave_queue(*best, entry.job.caller);
    return best;
}

void Schedule::leave_queue(Ticket ticket, const std::string& caller)
{
    const auto jobs = callers_.find(caller);
    std::erase(jobs->second, ticket);
    if (jobs->second.empty()) callers_.erase(jobs);
    shares_.leaves(caller);
}

void Schedule::leave_file(Ticket ticket, const Entry& entry)
{
    const auto file = files_.find(entry.job.file);
    if (file == files_.end()) return;
    std::erase(file->second, ticket);
    if (file->second.empty()) files_.erase(file);
}

void Schedule::opened(Ticket ticket)
{
    if (const auto job = jobs_.find(ticket); job != jobs_.end() && job->second.job.access == Access::read)
        leave_file(ticket, job->second);
}

void Schedule::finished(Ticket ticket)
{
    const auto job = jobs_.find(ticket);
    if (job == jobs_.end() || !job->second.running) return;
    if (job->second.job.needs_slot) shares_.ends(job->second.job.caller);
    leave_file(ticket, job->second);
    jobs_.erase(job);
}

bool Schedule::withdraw(Ticket ticket)
{
    const auto job = jobs_.find(ticket);
    if (job == jobs_.end() || job->second.running) return false;
    leave_queue(ticket, job->second.job.caller);
    leave_file(ticket, job->second);
    jobs_.erase(job);
    return true;
}

} // namespace agenthost::storage
