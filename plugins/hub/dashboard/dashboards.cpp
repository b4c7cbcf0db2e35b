#include "dashboards.hpp"

#include "base/json_writer.hpp"
#include "base/uuid.hpp"
#include "plugins/hub/credentials/keys.hpp"

#include "wire/codes.hpp"

#include <algorithm>

namespace agenthost::hub {

namespace desk = wire::desk;
namespace code = wire::code;

namespace {

// The host closes a dashboard that is silent for 60 s, pongs included. Twice the message size, so that a message above the limit is answered.
constexpr std::string_view limits =
    R"({"message_bytes":2097152,"send_queue":65536,"idle_s":0,"ping_s":30,"silent_s":60,"compress_from":10752})";
constexpr auto max_timer = std::chrono::hours{24};
constexpr auto complaint_spacing = std::chrono::seconds{1};
constexpr int policy_violation = 1008;
constexpr std::string_view auth_failed = "AUTH_FAILED";

} // namespace

Dashboards::Dashboards(Core& core, Exchanges& exchanges, const Credentials& credentials, Fanout& fanout,
                       Runs& runs)
    : core_{core}, exchanges_{exchanges}, credentials_{credentials}, fanout_{fanout}, runs_{runs},
      groups_{core, fanout}, output_{core, runs,
                                     [this](const Run& run, const Outlet::OfRun& chunk)
                                         UNDER_LOCK { tell(run, chunk); }}
{
    runs_.observe(
        {.status = [this](const Run& run) UNDER_LOCK { run_status(run); },
         .output = [this](const Run& run, const RunChunk& chunk) UNDER_LOCK { run_output(run, chunk); },
         .queue =
             [this](std::string_view agent, std::string_view queue) UNDER_LOCK {
                 if (!groups_.seen(agent)) return;
                 std::string frame;
                 desk::write_queue(frame, core_.utc(), agent, queue);
                 groups_.tell(agent, std::move(frame));
             }});
}

// ---- sessions ----

void Dashboards::request(Conn conn, const Head& head)
{
    if (core_.draining)
        return exchanges_.refuse_upgrade(conn, error_answer(503, "BUSY", "The hub is shutting down"));
    std::string token = query_value(head.query, "token").value_or("");
    if (token.empty()) token = bearer_of(head.header("authorization"));
    const auto caller = credentials_.caller(token, core_.utc());
    if (!caller || caller->role == Role::agent) {
        core_.host.record(Metric::auth_failures, 1);
        if (const long wait = exchanges_.failed(head.peer); wait > 0) {
            Answer answer = error_answer(429, "RATE_LIMIT", "Too many refused attempts; try again later");
            answer.headers.emplace_back("retry-after", std::to_string(wait));
            return exchanges_.refuse_upgrade(conn, std::move(answer));
        }
        core_.log_stranger("refused a dashboard: invalid token", base::json_object("peer", head.peer));
        return exchanges_.refuse_upgrade(
            conn, unauthorized(!caller ? "a valid token is needed: /ws/dashboard?token=JWT; mint one with: "
                                         "agenthost hub token new --role dashboard"
                                       : "an agent's token is for its own session"));
    }
    if (!places_.take(caller->subject, 1))
        return exchanges_.refuse_upgrade(
            conn,
            error_answer(503, "BUSY",
                         places_.used() >= max_dashboards
                             ? "1,000 dashboards are connected; close one first"
                             : "The dashboards of this token hold its share of 1,000; close one first"));
    Session& session = *sessions_.emplace(conn, std::make_unique<Session>()).first->second;
    session.caller = *caller;
    session.token = std::move(token);
    session.id = base::random_uuid();
    session.peer = head.peer;
    session.outlet = std::make_shared<Outlet>(core_.host, conn);
    core_.strand.post([this, conn] { core_.host.upgrade(conn, "{}", limits); });
    watch_expiry(conn, session);
    join(conn, session);
    core_.log(AGH_LOG_INFO, "a dashboard is connected",
              base::json_object("subject", session.caller.subject.substr(0, 128), "peer", session.peer));
    core_.host.record(Metric::dashboards, double(sessions_.size()));
}

// Sends ack, the agents and the open commands; then the dashboard receives the same updates as the others.
void Dashboards::join(Conn conn, Session& session)
{
    std::string ack;
    desk::write_ack(ack, core_.utc(), session.id);
    say(session, std::move(ack));
    groups_.join(conn, session.caller, session.outlet);
    const auto open = runs_.open();
    const std::size_t first = open.size() > max_runs_told ? open.size() - max_runs_told : 0;
    for (std::size_t i = first; i < open.size(); ++i) {
        const Run& run = *open[i];
        if (!session.caller.sees(run.agent)) continue;
        std::string frame;
        desk::write_status(frame, core_.utc(),
                           {.command_id = run.id,
                            .agent_id = run.agent,
                            .status = word(run.state),
                            .position = run.position});
        say(session, std::move(frame));
    }
}

void Dashboards::closed(Conn conn)
{
    const auto it = sessions_.find(conn);
    if (it == sessions_.end()) return;
    core_.timers.cancel(it->second->expiry);
    groups_.leave(conn);
    places_.give_back(it->second->caller.subject, 1);
    sessions_.erase(it);
    core_.host.record(Metric::dashboards, double(sessions_.size()));
}

void Dashboards::drop(Conn conn, Session& session, int code, std::string reason)
{
    session.closing = true;
    core_.timers.cancel(session.expiry);
    groups_.leave(conn);
    core_.strand.post([to = session.outlet, code, reason = std::move(reason)] { to->close(code, reason); });
}

void Dashboards::end(Conn conn, Session& session, int code, std::string_view code_word, std::string_view why)
{
    fault(session, {.code = code_word, .message = why});
    core_.log(AGH_LOG_WARN, "disconnected a dashboard: " + std::string{why},
              base::json_object("subject", session.caller.subject.substr(0, 128), "peer", session.peer));
    drop(conn, session, code, std::string{why});
}

void Dashboards::close_all()
{
    for (const auto& [conn, session] : sessions_) {
        if (!session->closing) drop(conn, *session, 1001, "the hub is shutting down");
    }
}

void Dashboards::check_credentials()
{
    for (const auto& [conn, session] : sessions_) {
        if (!session->closing && !credentials_.caller(session->token, core_.utc()))
            end(conn, *session, policy_violation, auth_failed, "the token is no longer valid");
    }
}

void Dashboards::watch_expiry(Conn conn, Session& session)
{
    core_.timers.cancel(std::exchange(session.expiry, {}));
    if (session.caller.expires == 0) return;
    const std::int64_t left = session.caller.expires - core_.utc();
    if (left <= 0) return end(conn, session, policy_violation, auth_failed, "the token has expired");
    const auto next =
        std::min<std::chrono::steady_clock::duration>(std::chrono::milliseconds{left}, max_timer);
    session.expiry = core_.after(next, [this, conn]() UNDER_LOCK {
        const auto it = sessions_.find(conn);
        if (it != sessions_.end() && !it->second->closing) watch_expiry(conn, *it->second);
    });
}

void Dashboards::writable(Conn conn)
{
    const auto it = sessions_.find(conn);
    if (it == sessions_.end()) return;
    core_.strand.post([to = it->second->outlet] { to->writable(); });
}

// ---- messages from dashboards ----

void Dashboards::frame(Conn conn, int opcode, std::string_view bytes)
{
    const auto it = sessions_.find(conn);
    if (it == sessions_.end() || it->second->closing) return;
    Session& session = *it->second;
    if (opcode != AGH_WS_TEXT) return drop(conn, session, 1003, "this protocol has text frames only");
    if (!allow(session)) return;
    if (bytes.size() > max_message)
        return fault(session, {.code = code::rate_limit, .message = "A message is at most 1 MB"});
    read(conn, session, bytes);
}

// Allows 100 messages per second; beyond that one error per second is sent, and the messages are dropped unread.
bool Dashboards::allow(Session& session)
{
    const auto now = core_.now();
    if (session.messages.take(now)) return true;
    if (session.complained == Timers::Time{} || now - session.complained >= complaint_spacing) {
        session.complained = now;
        fault(session, {.code = code::rate_limit,
                        .message = "More than 100 messages a second; those beyond it are not read"});
    }
    return false;
}

void Dashboards::read(Conn conn, Session& session, std::string_view bytes)
{
    const desk::Message message = reader_.read(bytes);
    std::visit([&](const auto& said) UNDER_LOCK { on(conn, session, said); }, message);
}

void Dashboards::on(Conn, Session& session, const desk::Bad& bad)
{
    fault(session, {.code = code::invalid_request,
                    .message = bad.reason,
                    .command_id = bad.command_id,
                    .request_id = bad.request_id});
}

// The upgrade already authenticated it; this frame must only not contradict that.
void Dashboards::on(Conn conn, Session& session, const desk::Connect& connect)
{
    const auto caller = credentials_.caller(connect.token, core_.utc());
    if (!caller || caller->role == Role::agent || caller->subject != session.caller.subject)
        return end(conn, session, policy_violation, auth_failed,
                   caller ? "the token is for another subject than the URL's" : "the token is not valid");
    if (connect.request_id.empty()) return;
    std::string frame;
    desk::write_response(frame, core_.utc(), connect.request_id);
    say(session, std::move(frame));
}

void Dashboards::on(Conn conn, Session& session, const desk::Refresh& refresh)
{
    auto caller = credentials_.caller(refresh.token, core_.utc());
    if (!caller || caller->role == Role::agent || caller->subject != session.caller.subject)
        return end(conn, session, policy_violation, auth_failed,
                   caller ? "the new token is for another subject" : "the new token is not valid");
    std::string frame;
    if (refresh.request_id.empty())
        desk::write_ack(frame, core_.utc(), session.id);
    else
        desk::write_response(frame, core_.utc(), refresh.request_id);
    const bool same_sight = sight(*caller) == sight(session.caller);
    session.caller = std::move(*caller);
    session.token = refresh.token;
    watch_expiry(conn, session);
    if (session.closing) return;
    if (same_sight) return say(session, std::move(frame));
    if (!refresh.request_id.empty()) say(session, std::move(frame));
    join(conn, session); // it may see other agents now
}

void Dashboards::on(Conn, Session& session, const desk::Beat& beat)
{
    const auto now = core_.now();
    if (session.beat != Timers::Time{} && now - session.beat < heartbeat_spacing)
        return fault(session, {.code = code::rate_limit, .message = "One heartbeat every 30 seconds"});
    session.beat = now;
    std::string frame;
    desk::write_heartbeat(frame, core_.utc(), beat.sequence);
    say(session, std::move(frame));
}

void Dashboards::on(Conn conn, Session& session, const desk::Ask& ask)
{
    const auto refuse = [&](std::string_view why, std::string_view message) UNDER_LOCK {
        fault(session, {.code = why, .message = message, .request_id = ask.request_id});
    };
    const auto now = core_.now();
    while (!session.asked.empty() && now - session.asked.front() >= std::chrono::minutes{1})
        session.asked.pop_front();
    if (session.asked.size() >= commands_per_minute)
        return refuse(code::rate_limit, "More than 10 commands a minute; send it again later");
    session.asked.push_back(now);
    std::string agent{ask.agent_id};
    if (!session.caller.sees(agent) ||
        !fanout_.online(agent)) // an agent that it may not see does not exist for it
        return refuse(code::agent_offline, "Agent " + agent + " is not connected");
    TaskRecord task = runs_.make(std::move(agent), ask.params);
    if (const std::string wrong = runs_.check(task); !wrong.empty())
        return refuse(code::invalid_request, wrong);
    task.caller = session.caller.subject;
    const std::string id = task.id;
    asked_.emplace(id, Asked{conn, std::string{ask.request_id}});
    if (ask.base64) output_.base64(id);
    std::string full;
    if (runs_.start(std::move(task), &full)) return;
    asked_.erase(id);
    output_.forget(id);
    refuse(code::queue_full, full);
}

// Whether the command exists and is visible to the dashboard; else sends an error.
bool Dashboards::reaches(Conn, Session& session, std::string_view command, std::string_view request)
{
    const Run* run = runs_.find(command);
    if (run != nullptr && session.caller.sees(run->agent)) return true;
    fault(session, {.code = "COMMAND_NOT_FOUND",
                    .message = "There is no command " + std::string{command.substr(0, 128)},
                    .command_id = command,
                    .request_id = request});
    return false;
}

// With a requestId sends a response; without one only errors.
Requests::Then Dashboards::answer(Conn conn, std::string_view command, std::string_view request)
{
    return [this, conn, command = std::string{command},
            request = std::string{request}](const Requests::Answer& a) UNDER_LOCK {
        const auto it = sessions_.find(conn);
        if (it == sessions_.end() || it->second->closing) return;
        if (request.empty()) {
            if (!a.ok) fault(*it->second, {.code = a.code, .message = a.message, .command_id = command});
            return;
        }
        std::string frame;
        desk::write_response(frame, core_.utc(), request,
                             a.ok ? desk::Fault{} : desk::Fault{.code = a.code, .message = a.message});
        say(*it->second, std::move(frame));
    };
}

void Dashboards::on(Conn conn, Session& session, const desk::Interrupt& m)
{
    if (reaches(conn, session, m.command_id, m.request_id))
        runs_.control().interrupt(m.command_id, m.force, answer(conn, m.command_id, m.request_id));
}

void Dashboards::on(Conn conn, Session& session, const desk::Input& m)
{
    if (reaches(conn, session, m.command_id, m.request_id))
        runs_.control().input(m.command_id, {.data = std::string{m.data}, .base64 = m.base64, .eof = m.eof},
                              answer(conn, m.command_id, m.request_id));
}

void Dashboards::on(Conn conn, Session& session, const desk::Resize& m)
{
    if (reaches(conn, session, m.command_id, m.request_id))
        runs_.control().resize(m.command_id, m.columns, m.rows, answer(conn, m.command_id, m.request_id));
}

// ---- messages to dashboards ----

void Dashboards::say(Session& session, std::string frame)
{
    core_.strand.post([to = session.outlet, frame = std::make_shared<const std::string>(std::move(frame))] {
        to->send(frame);
    });
}

void Dashboards::fault(Session& session, const desk::Fault& fault)
{
    std::string frame;
    desk::write_error(frame, core_.utc(), fault);
    say(session, std::move(frame));
}

void Dashboards::tell(const Run& run, const Outlet::OfRun& item, Conn except)
{
    if (!groups_.tell(run.agent, item, except)) output_.skip(run, item.bytes + item.dropped);
}

void Dashboards::run_status(const Run& run)
{
    if (run.over()) output_.end(run); // its last output is sent before
    const auto asked = asked_.find(run.id);
    Session* requester = nullptr;
    if (asked != asked_.end()) {
        const auto it = sessions_.find(asked->second.conn);
        if (it != sessions_.end() && !it->second->closing && it->second->caller.sees(run.agent))
            requester = it->second.get();
    }
    if (requester != nullptr && run.over() && !run.code.empty()) {
        fault(*requester, {.code = run.code,
                           .message = run.message,
                           .command_id = run.id,
                           .request_id = asked->second.request_id,
                           .detail = run.detail});
    }
    desk::Status status{.command_id = run.id,
                        .agent_id = run.agent,
                        .status = word(run.state),
                        .position = run.position,
                        .exit_code = run.exit_code,
                        .reason =
                            run.state == RunState::failed ? std::string_view{run.reason} : std::string_view{},
                        .signal = run.signal,
                        .code = run.code,
                        .message = run.code.empty() ? std::string_view{} : std::string_view{run.message}};
    const auto frame = [&] {
        std::string text;
        desk::write_status(text, core_.utc(), status);
        text.resize(text.size() - 2); // write_output_end() closes it, with the number of lost bytes
        return std::make_shared<const std::string>(std::move(text));
    };
    const Text id = std::make_shared<const std::string>(run.id);
    const bool own = requester != nullptr && !asked->second.request_id.empty();
    if (groups_.seen(run.agent))
        tell(run, {.frame = frame(), .run = id, .output = false}, own ? asked->second.conn : Conn{});
    if (own) {
        status.request_id = asked->second.request_id;
        core_.strand.post(
            [to = requester->outlet, item = Outlet::OfRun{frame(), id, 0, 0, false}] { to->send(item); });
    }
    if (run.over() && asked != asked_.end()) asked_.erase(asked);
}

void Dashboards::run_output(const Run& run, const RunChunk& chunk)
{
    if (groups_.seen(run.agent))
        output_.add(run, chunk);
    else
        output_.unwatched(run);
}

} // namespace agenthost::hub
