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

ServerOutcome judge(ServerAim aim, std::string_view status, const ServerFault& fault, bool began)
{
    const ServerOutcome pending{OutcomeKind::pending, std::string{status}};
    const bool moves = status.empty() || status == "installing" || status == "stopping";
    if (status == "stuck") return failed(status, fault);
    switch (aim) {
    case ServerAim::installed_and_running:
        if (status == "offline" && fault.code.empty()) return pending; // between the two
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

ServerOutcomes::ServerOutcomes(Core& core, ServerWatch& watch) : core_{core}, watch_{watch}
{
    watch_.observe([this](std::string_view agent, std::string_view server)
                       UNDER_LOCK { changed(agent, server); });
}

void ServerOutcomes::await(const TaskRecord& task, std::chrono::duration<double> time, const void* owner,
                           Then then)
{
    ServerRecord answer;
    read_status(task.data, 0, answer);
    const std::string server = named_server(task);
    const ServerRecord* known = watch_.book().find(task.agent, server);
    const bool told = known != nullptr && known->told >= task.created;
    waits_.push_front({.agent = task.agent,
                       .server = server,
                       .aim = aim_of(task),
                       .owner = owner,
                       .then = std::move(then),
                       .since = task.created,
                       .status = told ? known->status : answer.status});
    const auto wait = waits_.begin();
    wait->began = wait->status == "stopping" && told;
    if (end(wait, told ? known->fault : answer.fault)) return;
    if (waits_.size() > max_waits || core_.draining) return finish(wait, {{}, wait->status});
    const auto most = std::chrono::duration_cast<std::chrono::steady_clock::duration>(time);
    wait->timer = core_.after(most, [this, wait]() UNDER_LOCK { finish(wait, {{}, wait->status}); });
}

bool ServerOutcomes::end(Waits::iterator wait, const ServerFault& fault)
{
    ServerOutcome outcome = judge(wait->aim, wait->status, fault, wait->began);
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
        wait->status = known->status;
        // A list may still show the stop of an action before it.
        wait->began = wait->began || (known->status == "stopping" && known->told >= wait->since);
        end(wait, known->fault);
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
