#include "requests.hpp"

#include "base/hash.hpp"

#include <utility>
#include <vector>

namespace agenthost::hub {

std::string Requests::ask(const std::string& agent, std::string_view action, std::string_view params,
                          Then then, std::string_view target)
{
    std::string id = "ask_" + base::random_token(8) + std::to_string(++last_);
    const auto refused = [&](std::string_view code, std::string message) {
        then({.code = std::string{code}, .message = std::move(message)});
        return std::string{};
    };
    if (!fanout_.online(agent)) return refused("AGENT_OFFLINE", "Agent " + agent + " is not connected");
    const auto of = of_agent_.find(agent);
    if (open_.size() >= max_open || (of != of_agent_.end() && of->second >= max_of_agent))
        return refused("BUSY", "Agent " + agent + " has not answered an earlier request");
    const auto timer = core_.after(
        max_wait, [this, id]() UNDER_LOCK { fail(id, "TIMEOUT", "The agent did not answer within 30 s"); });
    open_.emplace(id, Open{agent, std::move(then), timer});
    ++of_agent_[agent];
    const bool exact = action == "terminal.attach"; // its output is appended to earlier output
    const auto sent = fanout_.send(
        agent,
        {.id = id, .action = action, .params = params, .target = target, .timeout = {}, .exact = exact});
    if (sent == Fanout::Sent::gone) fail(id, "AGENT_OFFLINE", "Agent " + agent + " is not connected");
    if (sent == Fanout::Sent::unspeakable)
        fail(id, "INVALID_REQUEST", "The agent's protocol does not support this");
    return id;
}

void Requests::end(const std::string& id, const Answer& answer)
{
    const auto it = open_.find(id);
    if (it == open_.end()) return;
    const Open done = std::move(it->second);
    open_.erase(it);
    core_.timers.cancel(done.timer);
    if (const auto of = of_agent_.find(done.agent); --of->second == 0) of_agent_.erase(of);
    if (done.then) done.then(answer);
}

void Requests::fail(const std::string& id, std::string_view code, std::string_view message)
{
    end(id, {.code = std::string{code}, .message = std::string{message}});
}

bool Requests::result(std::string_view agent, const wire::Result& result)
{
    if (open_.empty()) return false; // most results belong to tasks
    const auto it = open_.find(result.id);
    if (it == open_.end() || it->second.agent != agent) return false;
    const bool ok = result.outcome == wire::Outcome::success;
    end(it->first, {.ok = ok,
                    .code = std::string{result.error.code},
                    .message = std::string{result.error.message},
                    .data = std::string{ok ? result.data : result.error.data}});
    return true;
}

void Requests::agent_lost(std::string_view agent)
{
    if (!of_agent_.contains(agent)) return;
    std::vector<std::string> ids;
    for (const auto& [id, open] : open_) {
        if (open.agent == agent) ids.push_back(id);
    }
    for (const std::string& id : ids) fail(id, "AGENT_OFFLINE", "The agent disconnected before it answered");
}

void Requests::not_taken(std::string_view id)
{
    fail(std::string{id}, "BUSY", "The agent accepts no more requests at the moment");
}

} // namespace agenthost::hub
