#include "end_reason.hpp"

#include "host/session/session.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::host {

namespace {

std::string ago(std::int64_t ms)
{
    const std::int64_t seconds = std::max<std::int64_t>(ms, 0) / 1000;
    if (seconds < 120) return std::to_string(seconds) + " s";
    if (seconds < 7200) return std::to_string(seconds / 60) + " min";
    return std::to_string(seconds / 3600) + " h";
}

} // namespace

std::string problem_text(const SessionStatus& status, std::int64_t now_ms)
{
    std::string text = status.problem;
    if (status.first_problem_at != 0 && !status.first_problem.empty() && status.first_problem != text)
        text += std::string{text.empty() ? "" : " "} + "(the outage began " +
                ago(now_ms - status.first_problem_at) + " ago with: " + status.first_problem + ")";
    return text;
}

void EndReason::ready(std::int64_t running_ms)
{
    problem_.clear();
    blamed_ = false;
    ready_at_ = running_ms;
}

void EndReason::blame(std::string problem)
{
    problem_ = std::move(problem);
    blamed_ = true;
}

void EndReason::socket_ended(const std::string& why)
{
    if (!blamed_ && !why.empty()) problem_ = why;
}

void EndReason::ended(const End& end)
{
    if (ready_at_ != 0 || wire::Takeovers::says_replaced(end.close_reason))
        takeovers_.ended(end.running_ms, ready_at_ != 0 ? end.running_ms - ready_at_ : 0, end.close_code,
                         end.close_reason);
    ready_at_ = 0;
    if (end.close_code != 0 && in_conflict(end.running_ms))
        problem_ = conflict_text(end.running_ms, end.agent_id, end.url) + " (" + problem_ + ")";
    outage_.failed(problem_, end.utc_ms);
}

std::string EndReason::conflict_text(std::int64_t running_ms, std::string_view agent_id,
                                     std::string_view url) const
{
    const std::string remedy =
        "Give each machine its own agent_id and credential; a cloned machine has both of its original";
    if (takeovers_.proven(running_ms))
        return "another agent uses this agent's identity (" + std::string{agent_id} + ") at " +
               std::string{url} + ": each takes the session from the other. " + remedy;
    return std::string{url} +
           " has ended the last sessions within a minute of their start. If another machine runs with this "
           "agent's identity (" +
           std::string{agent_id} + "), each takes the session from the other. " + remedy;
}

void EndReason::add_to(SessionStatus& status) const
{
    status.problem = problem_;
    status.first_problem = outage_.first().why;
    status.first_problem_at = outage_.first().at;
    status.problem_at = outage_.latest().at;
}

} // namespace agenthost::host
