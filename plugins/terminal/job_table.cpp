#include "job_table.hpp"

#include <algorithm>

namespace agenthost::terminal {

namespace {

using namespace std::chrono_literals;

bool same(const Job& job, std::string_view server, const std::string& id)
{
    return job.command().id == id && (server == the_machine || job.command().server == server);
}

} // namespace

void JobTable::limits(std::size_t keep, Clock::duration keep_for)
{
    keep_ = keep;
    keep_for_ = keep_for;
    tidy();
}

void JobTable::add(JobPtr job)
{
    const Command& command = job->command();
    std::erase_if(ended_, [&](const JobPtr& old) {
        return old->settled() && old->command().server == command.server && old->command().id == command.id;
    });
    open_[{command.server, command.id}] = std::move(job);
}

void JobTable::remove(const Job& job)
{
    const auto found = open_.find({job.command().server, job.command().id});
    if (found == open_.end() || found->second.get() != &job) return;
    const JobPtr removed = std::move(found->second);
    open_.erase(found);
}

void JobTable::ended(const Job& job)
{
    const auto found = open_.find({job.command().server, job.command().id});
    if (found == open_.end() || found->second.get() != &job) return;
    ended_.push_back(std::move(found->second));
    open_.erase(found);
    tidy_soon();
}

JobPtr JobTable::find_open(std::string_view server, const std::string& id) const
{
    if (const auto found = open_.find({std::string{server}, id}); found != open_.end()) return found->second;
    if (server != the_machine) return nullptr;
    const auto found =
        std::find_if(open_.begin(), open_.end(), [&](const auto& e) { return same(*e.second, server, id); });
    return found == open_.end() ? nullptr : found->second;
}

JobPtr JobTable::find(std::string_view server, const std::string& id) const
{
    if (auto job = find_open(server, id)) return job;
    const auto found = std::find_if(ended_.rbegin(), ended_.rend(),
                                    [&](const JobPtr& job) { return same(*job, server, id); });
    return found == ended_.rend() ? nullptr : *found;
}

std::vector<JobPtr> JobTable::open() const
{
    std::vector<JobPtr> jobs;
    for (const auto& [key, job] : open_) jobs.push_back(job);
    return jobs;
}

std::vector<JobPtr> JobTable::all() const
{
    std::vector<JobPtr> jobs = open();
    jobs.insert(jobs.end(), ended_.begin(), ended_.end());
    return jobs;
}

void JobTable::clear()
{
    for (const JobPtr& job : all()) job->abandon();
    open_.clear();
    ended_.clear();
}

void JobTable::tidy_soon()
{
    loop_.later([this] { tidy(); }); // not while the job is speaking
}

void JobTable::tidy()
{
    const auto now = Clock::now();
    std::size_t kept = 0;
    for (const JobPtr& job : ended_) kept += job->settled();
    std::erase_if(ended_, [&](const JobPtr& job) {
        if (!job->settled()) return false; // a reader is still being served
        if (kept <= keep_ && now - job->execution().outcome().ended < keep_for_) return false;
        --kept;
        return true;
    });
    loop_.cancel(timer_);
    if (ended_.empty()) return;
    timer_ = loop_.after(std::clamp<Clock::duration>(keep_for_, 1s, 60s), [this] {
        timer_ = 0;
        tidy();
    });
}

} // namespace agenthost::terminal
