#include "sessions.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::hub {

namespace {

constexpr auto max_timer = std::chrono::hours{24}; // a token may be valid for years

// How often a task may be resent. An agent without a journal runs a repeated command twice, and prints twice.
int resends(const Config& config, const AgentSession& session)
{
    if (const auto it = config.redispatch.find(session.agent.id); it != config.redispatch.end())
        return it->second;
    if (session.ours || session.traits().redispatch_safe) return max_resends;
    const auto foreign = config.redispatch.find("*");
    return foreign == config.redispatch.end() ? 0 : foreign->second;
}

} // namespace

Sessions::Sessions(Core& core, Exchanges& exchanges, const AgentCredentials& credentials,
                   wire::NonceBook& nonces)
    : core_{core}, credentials_{credentials}, attempts_{core}, takeovers_{core},
      admission_{core,
                 exchanges,
                 credentials,
                 nonces,
                 attempts_,
                 [this](std::string_view agent) UNDER_LOCK -> const Proof* {
                     const AgentSession* session = live(agent);
                     return session != nullptr && session->proof ? &*session->proof : nullptr;
                 }}
{}

AgentSession* Sessions::live(std::string_view agent) const
{
    const auto it = by_agent_.find(agent);
    return it == by_agent_.end() ? nullptr : it->second;
}

void Sessions::request(Conn conn, const Head& head, wire::Protocol protocol)
{
    if (auto admitted = admission_.request(conn, head, protocol)) start(std::move(admitted));
}

void Sessions::frame(Conn conn, int opcode, std::string_view bytes)
{
    const auto it = sessions_.find(conn);
    if (it == sessions_.end()) {
        if (auto admitted = admission_.frame(conn, opcode, bytes)) start(std::move(admitted));
        return;
    }
    AgentSession& session = *it->second;
    if (session.closing()) return;
    if (opcode != AGH_WS_TEXT) {
        core_.log(AGH_LOG_WARN, "agent " + session.agent.id + " sent a binary frame of " +
                                    std::to_string(bytes.size()) +
                                    " bytes; its protocol has text frames only, so its session is closed");
        return drop(session, close_code::no_binary, "this protocol has text frames only");
    }
    const wire::FromAgent message = session.decode(bytes);
    if (std::holds_alternative<wire::Hello>(message)) { // a repeat changes nothing
        if (session.traits().welcomes_every_hello) session.say(wire::Welcome{true, {}});
    } else if (const auto* refused = std::get_if<wire::Refused>(&message)) {
        const AgentRecord& agent = session.agent;
        attempts_.refused({agent.id, agent.protocol, agent.peer},
                          "closed an agent's session: ", refused->reason);
        drop(session, refused->close_code, refused->reason);
    } else {
        session.serve(message, *observer_);
    }
}

void Sessions::start(std::unique_ptr<AgentSession> admitted)
{
    const Conn conn = admitted->conn();
    AgentSession& session = *sessions_.insert_or_assign(conn, std::move(admitted)).first->second;
    if (!take_over(session)) return;
    attempts_.connected(session.agent.id);
    session.agent.redispatch = resends(core_.config, session);
    session.ready = true;
    session.agent.first_seen = session.agent.last_seen = core_.utc();
    by_agent_.insert_or_assign(session.agent.id, &session);
    session.start_pings();
    watch_expiry(session);
    if (!session.ready) return; // its token has just expired
    if (session.proof && session.proof->kind == Proof::Kind::jwt)
        observer_->by_token(session.agent, session.proof->jti, session.proof->expires);
    session.say(wire::Welcome{true, {}});
    core_.log(AGH_LOG_INFO, "agent " + session.agent.id + " is connected",
              agent_fields(session.agent.id, session.agent.protocol, session.agent.peer));
    observer_->ready(session.agent);
}

bool Sessions::take_over(AgentSession& newcomer)
{
    AgentSession* older = live(newcomer.agent.id);
    if (older == nullptr) return true;
    TakeoverPolicy::Decision decision =
        takeovers_.decide(newcomer.agent.id, newcomer.agent.peer, older->agent.peer);
    if (!decision.admitted) {
        drop(newcomer, close_code::try_again_later, std::move(decision.reason));
        return false;
    }
    older->replaced_by = newcomer.agent.peer;
    drop(*older, close_code::replaced, std::move(decision.reason));
    return true;
}

void Sessions::watch_expiry(AgentSession& session)
{
    if (!session.proof || session.proof->kind != Proof::Kind::jwt) return;
    const std::int64_t left_s = session.proof->expires - core_.utc() / 1000;
    if (left_s <= 0) return end(session, "the token has expired");
    const auto next = std::min<std::chrono::steady_clock::duration>(std::chrono::seconds{left_s}, max_timer);
    session.timer = core_.after(next, [this, &session]() UNDER_LOCK { watch_expiry(session); });
}

void Sessions::renewed(std::string_view agent, const Claims& claims)
{
    AgentSession* session = live(agent);
    if (session == nullptr || !session->proof || session->proof->kind != Proof::Kind::jwt) return;
    session->proof->issued = claims.iat;
    session->proof->expires = claims.exp;
    session->proof->jti = claims.jti; // the timer checks again when the old token would have expired
}

void Sessions::end(AgentSession& session, std::string_view why)
{
    if (session.traits().says_why_it_closes) session.say(wire::Welcome{false, why});
    core_.log(AGH_LOG_WARN, "agent " + session.agent.id + " was disconnected: " + std::string{why});
    drop(session, close_code::policy_violation, std::string{why});
}

// The session ends for us now, whatever the peer does; its memory is freed when the daemon reports it closed.
void Sessions::drop(AgentSession& session, int code, std::string reason)
{
    session.close(code, std::move(reason));
    left(session);
}

void Sessions::left(AgentSession& session)
{
    session.stop_timers();
    if (!std::exchange(session.ready, false)) return;
    by_agent_.erase(session.agent.id);
    session.agent.last_seen = core_.utc();
    observer_->lost(session.agent);
}

void Sessions::writable(Conn conn)
{
    const auto it = sessions_.find(conn);
    if (it != sessions_.end() && it->second->ready) observer_->writable(it->second->agent.id);
}

// Either the daemon or the agent ended the session, because a message was larger than its limit; which one is
// unknown.
void Sessions::met_its_limit(const AgentSession& session)
{
    const std::string why = "the session ended with 1009: a message was larger than the other side accepts "
                            "(plugins.hub.config.message_bytes is " +
                            std::to_string(core_.config.message_bytes) + ")";
    core_.log_stranger("agent " + session.agent.id + ": " + why +
                           ". Set the agent's limits.peer_message_bytes to what the hub accepts, or raise "
                           "message_bytes",
                       agent_fields(session.agent.id, session.agent.protocol, session.agent.peer));
    if (!session.ours) observer_->too_large(session.agent.id);
}

// `code`: with 1002, 1007 and 1009 the daemon, which reads the frames, closed because of a frame of the peer.
void Sessions::closed(Conn conn, int code)
{
    const auto it = sessions_.find(conn);
    if (it == sessions_.end()) return admission_.closed(conn, code);
    // Before the session is removed, because the observers may send to its agent.
    if (code == close_code::too_big && it->second->ready) met_its_limit(*it->second);
    const auto node = sessions_.extract(conn);
    AgentSession& session = *node.mapped();
    if (!session.replaced_by.empty() && code == close_code::replaced)
        takeovers_.was_alive(session.agent, session.replaced_by);
    if (session.ready) {
        const std::string_view fault = frame_fault(code);
        core_.log(fault.empty() ? AGH_LOG_INFO : AGH_LOG_WARN,
                  "agent " + session.agent.id + " left" +
                      (fault.empty() ? std::string{} : ": a frame of its session " + std::string{fault}));
    }
    left(session);
}

void Sessions::close_all()
{
    constexpr const char* reason = "the hub is shutting down";
    admission_.close_all(close_code::going_away, reason);
    for (const auto& [conn, session] : sessions_) {
        if (!session->closing()) drop(*session, close_code::going_away, reason);
    }
}

void Sessions::check_credentials()
{
    std::vector<AgentSession*> gone;
    for (const auto& [agent, session] : by_agent_) {
        if (!session->proof || !credentials_.admits(agent, *session->proof, core_.utc()))
            gone.push_back(session);
    }
    for (AgentSession* session : gone) {
        if (session->ready) end(*session, "the credential is no longer valid");
    }
    observer_->credentials_changed();
}

Fanout::Sent Sessions::send(std::string_view agent, const wire::Command& command)
{
    AgentSession* session = live(agent);
    if (session == nullptr) return Sent::gone;
    std::optional<AgentSession::Frames> frames = session->encode(command);
    if (!frames) return Sent::unspeakable;
    core_.strand.post([this, conn = session->conn(), frames = std::move(*frames), agent = std::string{agent},
                       id = std::string{command.id}] {
        agh_status sent = core_.host.send(conn, frames.text);
        // If only the first one fits, the agent waits for bytes that come when the command is sent again.
        if (sent == AGH_OK && !frames.binary.empty()) sent = core_.host.send_binary(conn, frames.binary);
        if (sent != AGH_E_BUSY) return; // for a dead session on_closed() follows
        core_.strand.run([this, &agent, &id]() UNDER_LOCK { observer_->not_taken(agent, id); });
    });
    return Sent::taken;
}

void Sessions::revoked(std::string_view agent)
{
    if (AgentSession* session = live(agent)) end(*session, "revoked");
    observer_->revoked(agent);
}

void Sessions::pause(std::string_view agent, bool on)
{
    if (const AgentSession* session = live(agent))
        core_.strand.post([this, conn = session->conn(), on] { core_.host.pause(conn, on); });
}

const AgentRecord* Sessions::find(std::string_view agent) const
{
    const AgentSession* session = live(agent);
    return session == nullptr ? nullptr : &session->agent;
}

std::vector<std::string> Sessions::connected(std::string_view protocol) const
{
    std::vector<std::string> ids;
    for (const auto& [agent, session] : by_agent_) {
        if (session->agent.protocol == protocol) ids.push_back(agent);
    }
    std::sort(ids.begin(), ids.end());
    return ids;
}

} // namespace agenthost::hub
