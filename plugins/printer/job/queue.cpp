#include "queue.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::printer::job {

namespace {

Problem full(const std::string& waiting, const std::string& limit)
{
    return problem(code::queue_full, "For this printer wait " + waiting + "; the limit is " + limit +
                                         " (seven eighths of it for one server). Send the job again "
                                         "when some are printed, or raise the limit");
}

} // namespace

std::optional<Problem> Queue::refuse(const std::string& server, std::uint64_t bytes) const
{
    const auto lane = lanes_.find(server);
    const std::size_t own_jobs = lane == lanes_.end() ? 0 : lane->second.jobs.size() + lane->second.expected;
    const std::size_t all_jobs = jobs_ + expected_;
    const std::uint64_t own_bytes = lane == lanes_.end() ? 0 : lane->second.bytes;
    const auto share = [](auto limit) { return limit - limit / 8; };
    if (all_jobs >= limits_.jobs || own_jobs >= share(limits_.jobs))
        return full(std::to_string(own_jobs) + " jobs of this server, " + std::to_string(all_jobs) +
                        " in all",
                    "queue_jobs, " + std::to_string(limits_.jobs));
    if (bytes_ + bytes > limits_.bytes || own_bytes + bytes > share(limits_.bytes))
        return full("jobs of " + std::to_string(own_bytes) + " bytes of this server, of " +
                        std::to_string(bytes_) + " bytes in all",
                    "queue_bytes, " + std::to_string(limits_.bytes));
    return std::nullopt;
}

// A server that had no job here is behind those that waited: one that sends job after job does not starve
// them.
Queue::Lane& Queue::lane_of(const std::string& server)
{
    return lanes_.try_emplace(server, Lane{.jobs = {}, .served = turn_}).first->second;
}

void Queue::expect(const std::string& server, std::uint64_t bytes)
{
    Lane& lane = lane_of(server);
    ++expected_;
    ++lane.expected;
    bytes_ += bytes;
    lane.bytes += bytes;
}

void Queue::arrived(const std::string& server, std::uint64_t bytes)
{
    const auto lane = lanes_.find(server);
    if (lane == lanes_.end() || lane->second.expected == 0) return;
    --expected_;
    --lane->second.expected;
    removed(lane, bytes);
}

void Queue::add(Ticket ticket)
{
    Lane& lane = lane_of(ticket.server);
    ++jobs_;
    bytes_ += ticket.size;
    lane.bytes += ticket.size;
    lane.jobs.push_back(std::move(ticket));
}

std::optional<Ticket> Queue::take()
{
    const auto before = [](const Lane& a, const Lane& b) {
        return a.served != b.served ? a.served < b.served : a.jobs.front().id < b.jobs.front().id;
    };
    auto next = lanes_.end();
    for (auto lane = lanes_.begin(); lane != lanes_.end(); ++lane)
        if (!lane->second.jobs.empty() && (next == lanes_.end() || before(lane->second, next->second)))
            next = lane;
    if (next == lanes_.end()) return std::nullopt;
    Ticket ticket = std::move(next->second.jobs.front());
    next->second.jobs.pop_front();
    next->second.served = ++turn_;
    --jobs_;
    removed(next, ticket.size);
    return ticket;
}

std::optional<Ticket> Queue::remove(JobId id)
{
    for (auto lane = lanes_.begin(); lane != lanes_.end(); ++lane) {
        auto& jobs = lane->second.jobs;
        const auto found = std::ranges::find(jobs, id, &Ticket::id);
        if (found == jobs.end()) continue;
        Ticket ticket = std::move(*found);
        jobs.erase(found);
        --jobs_;
        removed(lane, ticket.size);
        return ticket;
    }
    return std::nullopt;
}

// A server without jobs is forgotten.
void Queue::removed(Lanes::iterator lane, std::uint64_t bytes)
{
    bytes_ -= bytes;
    lane->second.bytes -= bytes;
    if (lane->second.jobs.empty() && lane->second.expected == 0) lanes_.erase(lane);
}

} // namespace agenthost::printer::job
