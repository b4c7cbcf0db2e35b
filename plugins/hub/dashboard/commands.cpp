#include "commands.hpp"

#include "wire/codes.hpp"

#include <memory>
#include <utility>

namespace agenthost::hub {

namespace dashboard_client = wire::dashboard_client;
namespace code = wire::code;

namespace {

dashboard_client::Status status_of(const Run& run)
{
    return {.command_id = run.id,
            .agent_id = run.agent,
            .status = to_string(run.state),
            .position = run.position,
            .exit_code = run.exit_code,
            .reason = run.state == RunState::failed ? std::string_view{run.reason} : std::string_view{},
            .signal = run.signal,
            .code = run.code,
            .message = run.code.empty() ? std::string_view{} : std::string_view{run.message}};
}

} // namespace

DashboardCommands::DashboardCommands(Core& core, Fanout& fanout, Runs& runs, DashboardGroups& groups,
                                     Find find)
    : core_{core}, fanout_{fanout}, runs_{runs}, groups_{groups}, find_{std::move(find)},
      output_{core, runs,
              [this](const Run& run, const ClientSendQueue::OfRun& chunk) UNDER_LOCK { tell(run, chunk); }}
{
    runs_.observe(
        {.status = [this](const Run& run) UNDER_LOCK { run_status(run); },
         .output = [this](const Run& run, const RunChunk& chunk) UNDER_LOCK { run_output(run, chunk); },
         .queue =
             [this](std::string_view agent, std::string_view queue) UNDER_LOCK {
                 if (!groups_.seen(agent)) return;
                 std::string frame;
                 dashboard_client::write_queue(frame, core_.utc(), agent, queue);
                 groups_.tell(agent, std::move(frame));
             }});
}

// ---- from dashboards ----

void DashboardCommands::ask(DashboardSession& session, const dashboard_client::Ask& ask)
{
    const auto refuse = [&](std::string_view why, std::string_view message) UNDER_LOCK {
        session.fault({.code = why, .message = message, .request_id = ask.request_id});
    };
    if (!session.limits.command(core_.now()))
        return refuse(code::rate_limit, "More than 10 commands a minute; send it again later");
    std::string agent{ask.agent_id};
    // An agent that it may not see does not exist for it.
    if (!session.caller.sees(agent) || !fanout_.online(agent))
        return refuse(code::agent_offline, "Agent " + agent + " is not connected");
    TaskRecord task = runs_.make(std::move(agent), ask.params);
    if (const std::string wrong = runs_.check(task); !wrong.empty())
        return refuse(code::invalid_request, wrong);
    task.caller = session.caller.subject;
    const std::string id = task.id;
    asked_.emplace(id, Asked{session.conn, std::string{ask.request_id}});
    if (ask.base64) output_.base64(id);
    std::string full;
    if (runs_.start(std::move(task), &full)) return;
    asked_.erase(id);
    output_.forget(id);
    refuse(code::queue_full, full);
}

// Whether the command exists and is visible to the dashboard; else sends an error.
bool DashboardCommands::reaches(DashboardSession& session, std::string_view command, std::string_view request)
{
    const Run* run = runs_.find(command);
    if (run != nullptr && session.caller.sees(run->agent)) return true;
    session.fault({.code = "COMMAND_NOT_FOUND",
                   .message = "There is no command " + std::string{command.substr(0, 128)},
                   .command_id = command,
                   .request_id = request});
    return false;
}

// With a request id sends a response; without one only errors.
Requests::Then DashboardCommands::answer(Conn conn, std::string_view command, std::string_view request)
{
    return [this, conn, command = std::string{command},
            request = std::string{request}](const Requests::Answer& a) UNDER_LOCK {
        DashboardSession* session = find_(conn);
        if (session == nullptr) return;
        if (request.empty()) {
            if (!a.ok) session->fault({.code = a.code, .message = a.message, .command_id = command});
            return;
        }
        std::string frame;
        dashboard_client::write_response(
            frame, core_.utc(), request,
            a.ok ? dashboard_client::Fault{} : dashboard_client::Fault{.code = a.code, .message = a.message});
        session->say(std::move(frame));
    };
}

void DashboardCommands::interrupt(DashboardSession& session, const dashboard_client::Interrupt& m)
{
    if (reaches(session, m.command_id, m.request_id))
        runs_.control().interrupt(m.command_id, m.force, answer(session.conn, m.command_id, m.request_id));
}

void DashboardCommands::input(DashboardSession& session, const dashboard_client::Input& m)
{
    if (reaches(session, m.command_id, m.request_id))
        runs_.control().input(m.command_id, {.data = std::string{m.data}, .base64 = m.base64, .eof = m.eof},
                              answer(session.conn, m.command_id, m.request_id));
}

void DashboardCommands::resize(DashboardSession& session, const dashboard_client::Resize& m)
{
    if (reaches(session, m.command_id, m.request_id))
        runs_.control().resize(m.command_id, m.columns, m.rows,
                               answer(session.conn, m.command_id, m.request_id));
}

// ---- to dashboards ----

void DashboardCommands::send_open(DashboardSession& session)
{
    const auto open = runs_.open();
    const std::size_t first = open.size() > max_runs_told ? open.size() - max_runs_told : 0;
    for (std::size_t i = first; i < open.size(); ++i) {
        const Run& run = *open[i];
        if (!session.caller.sees(run.agent)) continue;
        std::string frame;
        dashboard_client::write_status(frame, core_.utc(),
                                       {.command_id = run.id,
                                        .agent_id = run.agent,
                                        .status = to_string(run.state),
                                        .position = run.position});
        session.say(std::move(frame));
    }
}

void DashboardCommands::tell(const Run& run, const ClientSendQueue::OfRun& item, Conn except)
{
    if (!groups_.tell(run.agent, item, except)) output_.skip(run, item.bytes + item.dropped);
}

void DashboardCommands::run_output(const Run& run, const RunChunk& chunk)
{
    if (groups_.seen(run.agent))
        output_.add(run, chunk);
    else
        output_.unwatched(run);
}

void DashboardCommands::run_status(const Run& run)
{
    if (run.over()) output_.end(run); // its last output is sent before
    const auto asked = asked_.find(run.id);
    DashboardSession* requester = nullptr;
    if (asked != asked_.end()) {
        requester = find_(asked->second.conn);
        if (requester != nullptr && !requester->caller.sees(run.agent)) requester = nullptr;
    }
    if (requester != nullptr && run.over() && !run.code.empty()) {
        requester->fault({.code = run.code,
                          .message = run.message,
                          .command_id = run.id,
                          .request_id = asked->second.request_id,
                          .detail = run.detail});
    }
    send_status(run, requester, asked == asked_.end() ? nullptr : &asked->second);
    if (run.over() && asked != asked_.end()) asked_.erase(asked);
}

// The dashboard that requested the command receives a status of its own, with its request's id.
void DashboardCommands::send_status(const Run& run, DashboardSession* requester, const Asked* asked)
{
    dashboard_client::Status status = status_of(run);
    const auto frame = [&] {
        std::string text;
        dashboard_client::write_status(text, core_.utc(), status);
        return std::make_shared<const std::string>(std::move(text));
    };
    const Text id = std::make_shared<const std::string>(run.id);
    const bool own = requester != nullptr && !asked->request_id.empty();
    if (groups_.seen(run.agent))
        tell(run, {.frame = frame(), .run = id, .output = false}, own ? asked->conn : Conn{});
    if (!own) return;
    status.request_id = asked->request_id;
    core_.strand.post([to = requester->send_queue, item = ClientSendQueue::OfRun{frame(), id, 0, 0, false}] {
        to->send(item);
    });
}

} // namespace agenthost::hub
