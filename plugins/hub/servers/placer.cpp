#include "placer.hpp"

#include "actions.hpp"

#include "base/json_writer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace agenthost::hub {

namespace {

// These mean that the agent has no capacity left; another one may have some.
constexpr std::array<std::string_view, 3> try_the_next{"PORT_CONFLICT", "INSUFFICIENT_RESOURCES",
                                                       "DISK_FULL"};

void write_refusals(base::JsonWriter& json, const std::vector<Refusal>& refused)
{
    json.array("refused");
    for (std::size_t i = 0; i < refused.size() && i < Placer::max_refusals; ++i) {
        const Refusal& one = refused[i];
        json.object().member("agent", one.agent).member("code", one.code).member("reason", one.reason).end();
    }
    json.end();
    if (refused.size() > Placer::max_refusals)
        json.member("refusedNotShown", refused.size() - Placer::max_refusals);
}

Placer::Outcome refused(const Placement& placement)
{
    Placer::Outcome out{.code = placement.code, .message = "No agent can take this server: " + placement.why};
    std::string object;
    base::JsonWriter json{object};
    json.object();
    write_refusals(json, placement.refused);
    json.end();
    out.json = server_error(out.code, out.message, {}, std::string_view{object}.substr(1, object.size() - 2));
    for (std::size_t i = 0; i < placement.refused.size() && i < 5; ++i)
        out.message += "; " + placement.refused[i].agent + ": " + placement.refused[i].reason;
    return out;
}

std::string placed_json(const ServerNeeds& needs, const Placement& placement, const TaskRecord* task)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("agent", placement.agent).member("serverId", needs.id);
    json.member("why", placement.why);
    write_refusals(json, placement.refused);
    if (task != nullptr) {
        json.member("id", task->id);
        if (!task->data.empty()) json.member("data", base::RawJson{task->data});
    }
    json.end();
    return out;
}

bool names(const std::vector<Refusal>& refused, std::string_view agent)
{
    return std::any_of(refused.begin(), refused.end(), [&](const Refusal& r) { return r.agent == agent; });
}

} // namespace

void Placer::run(const JobPtr& job)
{
    // A caller that repeats its request must not get a second server.
    for (const std::string& agent : watch_.book().agents_of(job->body.needs.id)) {
        if (!job->sees(agent)) continue;
        Outcome out{.code = "ID_REUSED",
                    .message = "Server " + job->body.needs.id + " exists on agent " + agent};
        out.json = server_error(out.code, out.message);
        return job->answer(out);
    }
    next(job);
}

Placement Placer::place_for(const Job& job) const
{
    const std::vector<std::string>& only = job.body.agents;
    std::vector<Node> nodes;
    std::size_t others = 0;
    for (Node& node : watch_.nodes()) {
        const bool named = std::find(only.begin(), only.end(), node.agent) != only.end();
        if (!job.sees(node.agent) || (!only.empty() && !named) || names(job.refused, node.agent)) continue;
        // Agents without game servers are not worth a line each.
        if (!node.serves && !named)
            ++others;
        else
            nodes.push_back(std::move(node));
    }
    for (const std::string& named : only) {
        const bool there =
            std::any_of(nodes.begin(), nodes.end(), [&](const Node& node) { return node.agent == named; });
        if (!there && !names(job.refused, named) && job.sees(named))
            nodes.push_back({.agent = named, .online = false});
    }
    Placement placement = place(job.body.needs, nodes);
    if (placement.agent.empty() && !job.refused.empty()) {
        // Agents that were asked know better than the hub.
        if (placement.refused.empty()) placement.code = job.refused.back().code;
        placement.why = "the server fits on none of the agents";
    } else if (placement.refused.empty() && placement.agent.empty() && others > 0) {
        placement.why += " (" + std::to_string(others) + " other agents are)";
    }
    placement.refused.insert(placement.refused.begin(), job.refused.begin(), job.refused.end());
    return placement;
}

void Placer::next(const JobPtr& job)
{
    const Placement placement = place_for(*job);
    if (placement.agent.empty()) return job->answer(refused(placement));
    if (job->dry_run) return job->answer({.json = placed_json(job->body.needs, placement, nullptr)});
    job->start({.agent = placement.agent,
                .server = job->body.needs.id,
                .action = server_action::create,
                .params = job->body.params},
               [this, job, placement](const TaskRecord& task)
                   UNDER_LOCK { return ended(job, placement, task); });
}

bool Placer::ended(const JobPtr& job, const Placement& placement, const TaskRecord& task)
{
    if (task.state == TaskState::success) {
        job->answer({.json = placed_json(job->body.needs, placement, &task), .task = task});
        return true;
    }
    const bool elsewhere =
        task.state == TaskState::error &&
        std::find(try_the_next.begin(), try_the_next.end(), task.code) != try_the_next.end();
    if (!elsewhere) return false;
    job->refused.push_back({task.agent, task.code, task.message});
    next(job);
    return true;
}

} // namespace agenthost::hub
