#include "dashboards.hpp"

#include "base/json_writer.hpp"
#include "plugins/hub/core/access.hpp"

#include "wire/codes.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace agenthost::hub {

namespace dashboard_client = wire::dashboard_client;
namespace code = wire::code;

namespace {

// The host closes a dashboard that is silent for 60 s, pongs included. Twice the message size, so that a
// message above the limit is answered.
constexpr std::string_view limits =
    R"({"message_bytes":2097152,"send_queue":65536,"idle_s":0,"ping_s":30,"silent_s":60,"compress_from":10752})";
constexpr auto max_timer = std::chrono::hours{24};
constexpr int policy_violation = 1008;
constexpr std::string_view auth_failed = "AUTH_FAILED";

template <class... Handlers> struct Overloaded : Handlers... {
    using Handlers::operator()...;
};
template <class... Handlers> Overloaded(Handlers...) -> Overloaded<Handlers...>;

UNDER_LOCK void beat(Core& core, DashboardSession& session, const dashboard_client::Beat& beat)
{
    if (!session.limits.heartbeat(core.now()))
        return session.fault({.code = code::rate_limit, .message = "One heartbeat every 30 seconds"});
    std::string frame;
    dashboard_client::write_heartbeat(frame, core.utc(), beat.sequence);
    session.say(std::move(frame));
}

// Whether a new token continues this session.
bool continues(const DashboardSession& session, const std::optional<Caller>& caller)
{
    return caller && caller->role != Role::agent && caller->subject == session.caller.subject;
}

} // namespace

Dashboards::Dashboards(Core& core, Exchanges& exchanges, const CallerCredentials& credentials, Fanout& fanout,
                       Runs& runs)
    : core_{core}, exchanges_{exchanges}, credentials_{credentials}, groups_{core, fanout},
      feed_{core, [this](Conn conn) UNDER_LOCK { return find(conn); }}, commands_{core, fanout, runs, groups_,
                                                                                  [this](Conn conn)
                                                                                      UNDER_LOCK {
                                                                                          return find(conn);
                                                                                      }}
{}

DashboardSession* Dashboards::find(Conn conn)
{
    const auto it = sessions_.find(conn);
    return it == sessions_.end() || it->second->closing() ? nullptr : it->second.get();
}

// ---- sessions ----

void Dashboards::request(Conn conn, const Head& head)
{
    if (core_.draining)
        return exchanges_.refuse_upgrade(conn, error_answer(503, "BUSY", "The hub is shutting down"));
    std::string token = query_value(head.query, "token").value_or("");
    if (token.empty()) token = bearer_of(head.header("authorization"));
    auto caller = credentials_.caller(token, core_.utc());
    if (!caller || caller->role == Role::agent) return refuse(conn, head, caller);
    if (!shares_.take(caller->subject, 1))
        return exchanges_.refuse_upgrade(
            conn,
            error_answer(503, "BUSY",
                         shares_.used() >= max_dashboards
                             ? "1,000 dashboards are connected; close one first"
                             : "The dashboards of this token hold its share of 1,000; close one first"));
    auto made = std::make_unique<DashboardSession>(core_, conn, std::move(*caller), std::move(token),
                                                   std::string{head.peer});
    DashboardSession& session = *sessions_.emplace(conn, std::move(made)).first->second;
    core_.strand.post([this, conn] { core_.host.upgrade(conn, "{}", limits); });
    watch_expiry(session);
    join(session);
    core_.log(AGH_LOG_INFO, "a dashboard is connected", session.log_fields());
    core_.host.record(Metric::dashboards, double(sessions_.size()));
}

void Dashboards::refuse(Conn conn, const Head& head, const std::optional<Caller>& caller)
{
    core_.host.record(Metric::auth_failures, 1);
    if (const long wait = exchanges_.failed(head.peer); wait > 0) {
        Answer answer = error_answer(429, "RATE_LIMIT", "Too many refused attempts; try again later");
        answer.headers.emplace_back("retry-after", std::to_string(wait));
        return exchanges_.refuse_upgrade(conn, std::move(answer));
    }
    core_.log_stranger("refused a dashboard: invalid token", base::json_object("peer", head.peer));
    exchanges_.refuse_upgrade(
        conn, unauthorized(!caller ? "a valid token is needed: /ws/dashboard?token=JWT; mint one with: "
                                     "agenthost hub token new --role dashboard"
                                   : "an agent's token is for its own session"));
}

void Dashboards::join(DashboardSession& session)
{
    std::string ack;
    dashboard_client::write_ack(ack, core_.utc(), session.id);
    session.say(std::move(ack));
    groups_.join(session.conn, session.caller, session.send_queue);
    commands_.send_open(session);
}

void Dashboards::closed(Conn conn)
{
    const auto it = sessions_.find(conn);
    if (it == sessions_.end()) return;
    core_.timers.cancel(it->second->expiry);
    groups_.leave(conn);
    feed_.leave(conn);
    shares_.give_back(it->second->caller.subject, 1);
    sessions_.erase(it);
    core_.host.record(Metric::dashboards, double(sessions_.size()));
}

void Dashboards::drop(DashboardSession& session, int code, std::string reason)
{
    groups_.leave(session.conn);
    feed_.leave(session.conn);
    session.close(code, std::move(reason));
}

void Dashboards::end(DashboardSession& session, std::string_view code, std::string_view why)
{
    session.fault({.code = code, .message = why});
    core_.log(AGH_LOG_WARN, "disconnected a dashboard: " + std::string{why}, session.log_fields());
    drop(session, policy_violation, std::string{why});
}

void Dashboards::close_all()
{
    for (const auto& [conn, session] : sessions_) {
        if (!session->closing()) drop(*session, 1001, "the hub is shutting down");
    }
}

void Dashboards::check_credentials()
{
    for (const auto& [conn, session] : sessions_) {
        if (!session->closing() && !credentials_.caller(session->token, core_.utc()))
            end(*session, auth_failed, "the token is no longer valid");
    }
}

void Dashboards::watch_expiry(DashboardSession& session)
{
    core_.timers.cancel(std::exchange(session.expiry, {}));
    if (session.caller.expires == 0) return;
    const std::int64_t left = session.caller.expires - core_.utc();
    if (left <= 0) return end(session, auth_failed, "the token has expired");
    const auto next =
        std::min<std::chrono::steady_clock::duration>(std::chrono::milliseconds{left}, max_timer);
    session.expiry = core_.after(next, [this, conn = session.conn]() UNDER_LOCK {
        const auto it = sessions_.find(conn);
        if (it != sessions_.end() && !it->second->closing()) watch_expiry(*it->second);
    });
}

void Dashboards::writable(Conn conn)
{
    const auto it = sessions_.find(conn);
    if (it == sessions_.end()) return;
    core_.strand.post([to = it->second->send_queue] { to->writable(); });
}

// ---- frames ----

void Dashboards::frame(Conn conn, int opcode, std::string_view bytes)
{
    using Verdict = DashboardLimits::Verdict;
    const auto it = sessions_.find(conn);
    if (it == sessions_.end() || it->second->closing()) return;
    DashboardSession& session = *it->second;
    if (opcode != AGH_WS_TEXT) return drop(session, 1003, "this protocol has text frames only");
    const Verdict verdict = session.limits.message(core_.now());
    if (verdict == Verdict::complain)
        session.fault({.code = code::rate_limit,
                       .message = "More than 100 messages a second; those beyond it are not read"});
    if (verdict != Verdict::read) return;
    if (bytes.size() > max_message)
        return session.fault({.code = code::rate_limit, .message = "A message is at most 1 MB"});
    serve(session, reader_.read(bytes));
}

void Dashboards::serve(DashboardSession& session, const dashboard_client::Message& message)
{
    std::visit(
        Overloaded{[&](const dashboard_client::Bad& bad) UNDER_LOCK {
                       session.fault({.code = code::invalid_request,
                                      .message = bad.reason,
                                      .command_id = bad.command_id,
                                      .request_id = bad.request_id});
                   },
                   [&](const dashboard_client::Connect& m) UNDER_LOCK { connect(session, m); },
                   [&](const dashboard_client::Refresh& m) UNDER_LOCK { refresh(session, m); },
                   [&](const dashboard_client::Beat& m) UNDER_LOCK { beat(core_, session, m); },
                   [&](const dashboard_client::Ask& m) UNDER_LOCK { commands_.ask(session, m); },
                   [&](const dashboard_client::Interrupt& m) UNDER_LOCK { commands_.interrupt(session, m); },
                   [&](const dashboard_client::Input& m) UNDER_LOCK { commands_.input(session, m); },
                   [&](const dashboard_client::Resize& m) UNDER_LOCK { commands_.resize(session, m); },
                   [&](const dashboard_client::Subscribe& m) UNDER_LOCK { feed_.subscribe(session, m); },
                   [](const wire::Nothing&) {}},
        message);
}

// The upgrade already authenticated it; this frame must only not contradict that.
void Dashboards::connect(DashboardSession& session, const dashboard_client::Connect& connect)
{
    const auto caller = credentials_.caller(connect.token, core_.utc());
    if (!continues(session, caller))
        return end(session, auth_failed,
                   caller ? "the token is for another subject than the URL's" : "the token is not valid");
    if (connect.request_id.empty()) return;
    std::string frame;
    dashboard_client::write_response(frame, core_.utc(), connect.request_id);
    session.say(std::move(frame));
}

void Dashboards::refresh(DashboardSession& session, const dashboard_client::Refresh& refresh)
{
    auto caller = credentials_.caller(refresh.token, core_.utc());
    if (!continues(session, caller))
        return end(session, auth_failed,
                   caller ? "the new token is for another subject" : "the new token is not valid");
    std::string frame;
    if (refresh.request_id.empty())
        dashboard_client::write_ack(frame, core_.utc(), session.id);
    else
        dashboard_client::write_response(frame, core_.utc(), refresh.request_id);
    const bool same_sight = sight(*caller) == sight(session.caller);
    session.caller = std::move(*caller);
    session.token = refresh.token;
    watch_expiry(session);
    if (session.closing()) return;
    if (same_sight) return session.say(std::move(frame));
    if (!refresh.request_id.empty()) session.say(std::move(frame));
    join(session); // it may see other agents now
}

} // namespace agenthost::hub
