#include "schedule.hpp"

#include <algorithm>

namespace agenthost::storage {

std::optional<Ticket> Schedule::add(Job job)
{
    if (waiting_ >= most_waiting_) return std::nullopt;
    const Ticket ticket = ++last_;
    auto turn =
        std::find_if(turns_.begin(), turns_.end(), [&](const Turn& t) { return t.caller == job.caller; });
    if (turn == turns_.end()) turn = turns_.insert(turns_.end(), Turn{job.caller, {}});
    turn->jobs.push_back(ticket);
    if (!job.file.empty()) files_[job.file].push_back(ticket);
    jobs_.emplace(ticket, Entry{std::move(job)});
    ++waiting_;
    return ticket;
}

bool Schedule::may_run(Ticket ticket, const Entry& entry) const
{
    if (entry.job.needs_slot && used_slots_ >= slots_) return false;
    if (entry.job.file.empty()) return true;
    for (const Ticket earlier : files_.at(entry.job.file)) {
        if (earlier == ticket) return true;
        if (entry.job.access == Access::write || jobs_.at(earlier).job.access == Access::write) return false;
    }
    return true;
}

std::optional<Ticket> Schedule::next()
{
    for (auto turn = turns_.begin(); turn != turns_.end(); ++turn) {
        const auto found = std::find_if(turn->jobs.begin(), turn->jobs.end(),
                                        [&](Ticket t) { return may_run(t, jobs_.at(t)); });
        if (found == turn->jobs.end()) continue;
        const Ticket ticket = *found;
        turn->jobs.erase(found);
        if (turn->jobs.empty())
            turns_.erase(turn);
        else
            turns_.splice(turns_.end(), turns_, turn); // to the back of the line
        Entry& entry = jobs_.at(ticket);
        entry.running = true;
        if (entry.job.needs_slot) ++used_slots_;
        --waiting_;
        return ticket;
    }
    return std::nullopt;
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
    if (job->second.job.needs_slot) --used_slots_;
    leave_file(ticket, job->second);
    jobs_.erase(job);
}

bool Schedule::withdraw(Ticket ticket)
{
    const auto job = jobs_.find(ticket);
    if (job == jobs_.end() || job->second.running) return false;
    const auto turn = std::find_if(turns_.begin(), turns_.end(),
                                   [&](const Turn& t) { return t.caller == job->second.job.caller; });
    std::erase(turn->jobs, ticket);
    if (turn->jobs.empty()) turns_.erase(turn);
    leave_file(ticket, job->second);
    jobs_.erase(job);
    --waiting_;
    return true;
}

} // namespace agenthost::storage
