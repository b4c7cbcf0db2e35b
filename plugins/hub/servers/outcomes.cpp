#include "outcomes.hpp"

#include "actions.hpp"
#include "reading.hpp"

#include "base/json_writer.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace agenthost::hub {

namespace {

ServerOutcome failed(std::string_view status, ServerFault fault)
{
    if (fault.code.empty() && status == "stuck")
        fault = {"DOCKER_ERROR", "the agent's container engine does not carry out the action"};
    else if (fault.code.empty())
        fault = {"CANCELLED", "the server is " + std::string{status} +
                                  ": it has ended by itself, or another action has ended this one"};
    return {OutcomeKind::failed, std::string{status}, std::move(fault)};
}

// Whether a report is about an earlier action than this one.
bool is_earlier(std::uint64_t reported, std::uint64_t action)
{
    return action != 0 && reported != 0 && reported < action;
}

ServerOutcome reached(std::string_view status, const ServerFault& fault = {})
{
    return {OutcomeKind::reached, std::string{status}, fault};
}

} // namespace

ServerAim aim_of(const TaskRecord& task)
{
    const std::string_view verb = server_verb(task.action);
    if (verb == "start_server" || verb == "restart_server") return ServerAim::running;
    if (verb == "stop_server" || verb == "kill_server") return ServerAim::ended;
    if (verb == "create_server" || verb == "reinstall_server")
        return starts_at_once(task) ? ServerAim::installed_and_running : ServerAim::installed;
    return ServerAim::none;
}

ServerOutcome judge(ServerAim aim, std::string_view status, const ServerFault& fault, bool began,
                    bool replaced)
{
    const ServerOutcome pending{OutcomeKind::pending, std::string{status}};
    const bool moves = status.empty() || status == "installing" || status == "stopping";
    if (status == "stuck") return failed(status, fault);
    switch (aim) {
    case ServerAim::installed_and_running:
        // Between the two, unless it was stopped there.
        if (status == "offline" && fault.code.empty() && !replaced) return pending;
        [[fallthrough]];
    case ServerAim::running:
        if (moves || status == "starting") return pending;
        // A restart whose image could not be pulled leaves the server running.
        return status == "running" && fault.code.empty() ? reached(status) : failed(status, fault);
    case ServerAim::ended:
        if (status.empty() || status == "stopping") return pending;
        if (status == "offline") return reached(status, fault.code == "TIMEOUT" ? fault : ServerFault{});
        if (status == "crashed" || status == "install_failed" || began) return reached(status);
        return pending; // what ran before it is not over
    case ServerAim::installed:
        if (moves) return pending;
        if (status == "crashed" || status == "install_failed") return failed(status, fault);
        return status == "offline" && !fault.code.empty() ? failed(status, fault) : reached(status);
    case ServerAim::none: break;
    }
    return reached(status);
}

ServerOutcomes::ServerOutcomes(Core& core, Fanout& fanout, ServerWatch& watch)
    : core_{core}, fanout_{fanout}, watch_{watch}
{
    watch_.observe([this](std::string_view agent, std::string_view server)
                       UNDER_LOCK { changed(agent, server); });
}

ServerOutcomes::Place ServerOutcomes::reserve(std::string caller, std::string& why)
{
    struct Taken {
        std::shared_ptr<Book> book;
        std::string caller;
        Taken(std::shared_ptr<Book> b, std::string c) : book{std::move(b)}, caller{std::move(c)} {}
        Taken(const Taken&) = delete;
        Taken& operator=(const Taken&) = delete;
        ~Taken()
        {
            const std::lock_guard lock{book->mutex};
            book->callers.give_back(caller, 1);
        }
    };
    {
        const std::lock_guard lock{book_->mutex};
        if (!book_->callers.take(caller, 1)) {
            why = "This caller waits for the outcomes of " + std::to_string(book_->callers.used(caller)) +
                  " actions, its share of the hub's " + std::to_string(max_waits) +
                  "; the action was not sent. Try again when some have ended, or do not wait and ask for the "
                  "server's status";
            return nullptr;
        }
    }
    return std::make_shared<Taken>(book_, std::move(caller));
}

void ServerOutcomes::await(const TaskRecord& task, Place place, std::chrono::duration<double> time,
                           const void* owner, Then then)
{
    ServerRecord answer;
    read_status(task.data, 0, answer);
    const std::string server = named_server(task);
    const ServerRecord* known = watch_.book().find(task.agent, server);
    const bool told =
        known != nullptr && known->told >= task.created && !is_earlier(known->action, answer.action);
    waits_.push_front({.agent = task.agent,
                       .server = server,
                       .aim = aim_of(task),
                       .owner = owner,
                       .then = std::move(then),
                       .since = task.created,
                       .place = std::move(place),
                       .action = answer.action,
                       .desired = known == nullptr ? DesiredState::none : known->desired,
                       .status = told ? known->status : answer.status});
    const auto wait = waits_.begin();
    if (told) look(*wait, *known);
    if (end(wait, told ? known->fault : answer.fault)) return;
    if (core_.draining) return finish(wait, {{}, wait->status});
    if (!fanout_.online(task.agent)) watch_absence(task.agent);
    const auto most = std::chrono::duration_cast<std::chrono::steady_clock::duration>(time);
    wait->timer = core_.after(most, [this, wait]() UNDER_LOCK { finish(wait, {{}, wait->status}); });
}

bool ServerOutcomes::end(Waits::iterator wait, const ServerFault& fault)
{
    ServerOutcome outcome = judge(wait->aim, wait->status, fault, wait->began, wait->replaced);
    if (outcome.kind == OutcomeKind::pending) return false;
    finish(wait, outcome);
    return true;
}

void ServerOutcomes::finish(Waits::iterator wait, const ServerOutcome& outcome)
{
    core_.timers.cancel(wait->timer);
    const Then then = std::move(wait->then);
    waits_.erase(wait);
    then(outcome);
}

void ServerOutcomes::changed(std::string_view agent, std::string_view server)
{
    const ServerRecord* known = watch_.book().find(agent, server);
    for (auto at = waits_.begin(); at != waits_.end();) {
        const auto wait = at++;
        if (wait->agent != agent || wait->server != server) continue;
        if (known == nullptr) {
            finish(wait, {OutcomeKind::failed, "", {"SERVER_NOT_FOUND", "the server was deleted"}});
            continue;
        }
        if (is_earlier(known->action, wait->action)) continue;
        look(*wait, *known);
        end(wait, known->fault);
    }
}

void ServerOutcomes::look(Wait& wait, const ServerRecord& known) const
{
    wait.status = known.status;
    const bool later = wait.action != 0 && known.action > wait.action;
    wait.replaced =
        later || (known.desired == DesiredState::stopped && wait.desired != DesiredState::stopped);
    // A list may still show the stop of an action before it.
    wait.began = wait.began || later || (known.status == "stopping" && known.told >= wait.since);
}

// ---- agents ----

void ServerOutcomes::lost(std::string_view agent)
{
    if (std::any_of(waits_.begin(), waits_.end(), [&](const Wait& wait) { return wait.agent == agent; }))
        watch_absence(std::string{agent});
}

void ServerOutcomes::ready(std::string_view agent)
{
    const auto at = absent_.find(agent);
    if (at == absent_.end()) return;
    core_.timers.cancel(at->second);
    absent_.erase(at);
}

void ServerOutcomes::watch_absence(const std::string& agent)
{
    if (absent_.contains(agent)) return;
    absent_[agent] = core_.after(core_.config.agent_grace, [this, agent]() UNDER_LOCK {
        absent_.erase(agent);
        if (fanout_.online(agent)) return;
        const auto grace = std::chrono::ceil<std::chrono::seconds>(core_.config.agent_grace);
        end_waits_of(agent,
                     {"AGENT_OFFLINE", "Agent " + agent + " has been disconnected for " +
                                           std::to_string(grace.count()) +
                                           " s. The action is stored at the agent, which goes on with it; "
                                           "ask for the server's status when it is back"});
    });
}

void ServerOutcomes::gone(std::string_view agent)
{
    ready(agent); // its absence is over as well
    end_waits_of(agent, {"AGENT_NOT_FOUND",
                         "Agent " + std::string{agent} +
                             " was revoked, or is no longer in the credentials file, while this action was "
                             "waited for. The action is stored at the agent, which goes on with it; add the "
                             "agent again to see and control its servers"});
}

std::vector<std::string> ServerOutcomes::absent() const
{
    std::vector<std::string> agents;
    for (const auto& [agent, timer] : absent_) agents.push_back(agent);
    return agents;
}

void ServerOutcomes::end_waits_of(std::string_view agent, const ServerFault& fault)
{
    for (auto at = waits_.begin(); at != waits_.end();) {
        const auto wait = at++;
        if (wait->agent == agent) finish(wait, {OutcomeKind::failed, wait->status, fault});
    }
}

void ServerOutcomes::drop(const void* owner)
{
    for (auto at = waits_.begin(); at != waits_.end();) {
        const auto wait = at++;
        if (wait->owner != owner) continue;
        core_.timers.cancel(wait->timer);
        waits_.erase(wait);
    }
}

void ServerOutcomes::drain()
{
    while (!waits_.empty()) finish(waits_.begin(), {{}, waits_.front().status});
}

std::string outcome_json(const TaskRecord& task, const ServerOutcome& outcome, std::string_view first)
{
    std::string out;
    base::JsonWriter json{out};
    json.object();
    if (first.empty())
        json.member("agent", task.agent).member("serverId", named_server(task));
    else
        json.raw_members(first);
    json.member("status", outcome.status).member("reached", outcome.kind == OutcomeKind::reached);
    if (!outcome.fault.code.empty())
        json.object("error")
            .member("code", outcome.fault.code)
            .member("message", outcome.fault.message)
            .end();
    json.end();
    return out;
}

} // namespace agenthost::hub
