#include "agent_events.hpp"

#include "plugins/hub/servers/actions.hpp"

namespace agenthost::hub {

void AgentEvents::note(const AgentRecord& agent)
{
    if (!to_.registry.seen(agent))
        to_.core.log(AGH_LOG_WARN,
                     "hub: the database queue is full; agent " + agent.id + " was not saved in the registry");
}

void AgentEvents::ready(const AgentRecord& agent)
{
    note(agent);
    to_.reports.ready(agent.id);
    to_.dashboards.agent_changed(agent, true);
    to_.commands.events().agent_ready(agent);
    to_.runs.events().agent_ready(agent);
    to_.console.agent_ready(agent);
    to_.servers.ready(agent);
    to_.server_control.agent_ready(agent.id);
}

void AgentEvents::lost(const AgentRecord& agent)
{
    note(agent);
    to_.reports.lost(agent.id);
    to_.dashboards.agent_changed(agent, false);
    to_.commands.events().agent_lost(agent.id);
    to_.requests.agent_lost(agent.id);
    to_.runs.events().agent_lost(agent.id);
    to_.servers.lost(agent.id);
    to_.server_control.agent_lost(agent.id);
}

void AgentEvents::by_token(const AgentRecord& agent, std::string_view jti, std::int64_t expires)
{
    to_.book.admitted_by_token(agent.id, agent.protocol, jti, expires);
}

void AgentEvents::credentials_changed()
{
    to_.dashboards.check_credentials();
    const auto may_return = [this](std::string_view agent)
                                UNDER_LOCK { return to_.credentials.may_admit(agent); };
    to_.commands.events().check_absent(may_return);
    to_.server_control.check_absent(may_return);
}

void AgentEvents::revoked(std::string_view agent)
{
    to_.commands.events().agent_revoked(agent);
    to_.runs.events().agent_revoked(agent);
    to_.server_control.agent_gone(agent);
}

void AgentEvents::writable(std::string_view agent) { to_.commands.events().writable(agent); }

void AgentEvents::not_taken(std::string_view agent, std::string_view task)
{
    to_.requests.not_taken(task);
    to_.commands.events().not_taken(agent, task);
}

void AgentEvents::too_large(std::string_view agent) { to_.commands.events().too_large(agent); }

void AgentEvents::result(std::string_view agent, const wire::Result& result)
{
    if (!to_.requests.result(agent, result)) to_.commands.events().result(agent, result);
}

void AgentEvents::progress(std::string_view agent, const wire::Progress& progress)
{
    to_.commands.events().progress(agent, progress.id);
    to_.runs.events().progress(agent, progress);
    // Of a pull or an installation, for dashboards.
    const TaskRecord* task = to_.commands.find(progress.id);
    if (task == nullptr || task->agent != agent) return;
    const std::string server = named_server(*task);
    if (server.empty()) return;
    to_.dashboards.agent_event(agent, {.topic = "progress", .json = progress.json, .target = server},
                               progress.id);
}

void AgentEvents::stream(std::string_view agent, const wire::Stream& stream)
{
    to_.commands.events().progress(agent, stream.id);
    to_.runs.events().stream(agent, stream);
    to_.reports.stream(agent, stream);
}

void AgentEvents::heartbeat(std::string_view agent, const wire::Heartbeat& beat)
{
    to_.reports.heartbeat(agent, beat);
    to_.print_tasks.heartbeat(agent, beat.facts);
    to_.servers.heartbeat(agent, beat.facts);
}

void AgentEvents::metrics(std::string_view agent, const wire::Metrics& metrics)
{
    to_.reports.metrics(agent, metrics);
}

void AgentEvents::log(std::string_view agent, const wire::Log& log) { to_.reports.log(agent, log); }

void AgentEvents::event(std::string_view agent, const wire::Event& event)
{
    to_.runs.events().event(agent, event);
    to_.reports.event(agent, event);
    to_.servers.event(agent, event);
    to_.server_control.followers().event(agent, event);
    to_.dashboards.agent_event(agent, event);
}

} // namespace agenthost::hub
