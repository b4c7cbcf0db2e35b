#include "sessions.hpp"

#include "base/hash.hpp"
#include "base/http_date.hpp"
#include "base/json_writer.hpp"
#include "base/uuid.hpp"
#include "plugins/hub/credentials/keys.hpp"
#include "plugins/hub/protocols/protocol.hpp"

#include "wire/json/fields.hpp"
#include "wire/json/outline.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace agenthost::hub {

namespace {

// An auth frame is under 1 KiB; a token may be a JWT. The hub's own timer ends it with the protocol's word before idle_s does.
constexpr std::string_view before_auth =
    R"({"message_bytes":16384,"send_queue":65536,"idle_s":15,"ping_s":30})";
constexpr std::size_t most_first_frame = 16384;
static_assert(before_auth.find("\"message_bytes\":16384,") != std::string_view::npos);
constexpr auto auth_patience = std::chrono::seconds{10};
constexpr auto longest_timer = std::chrono::hours{24}; // a token may be good for years
constexpr int policy_violation = 1008, message_too_big = 1009;
constexpr std::size_t most_close_reason = 123; // RFC 6455, 5.5: 125 bytes less the code
constexpr int replaced = 1000, try_again_later = 1013;

// What a close code of RFC 6455 says of a frame that was not read to its end.
std::string_view fault_of(int code)
{
    switch (code) {
    case 1002: return "breaks the WebSocket protocol (close code 1002)";
    case 1007: return "is not UTF-8 (close code 1007)";
    case 1009: return "is too large (close code 1009)";
    default: return {};
    }
}

std::string after_auth(const Config& config)
{
    constexpr int send_queue = 4 << 20;
    return base::json_object("message_bytes", config.message_bytes, "send_queue", send_queue, "idle_s", 0,
                             "ping_s", 30);
}

std::string fields(std::string_view agent, const std::string& protocol, const std::string& peer)
{
    return base::json_object("agent", agent.substr(0, 128), "protocol", protocol, "peer", peer);
}

} // namespace

wire::ServerSetup Sessions::setup(std::string agent)
{
    return {.world = {.utc_ms = [this] { return core_.utc(); },
                      .uuid = base::random_uuid,
                      .hmac = [](std::string_view key,
                                 std::string_view text) { return base::hex(base::hmac_sha256(key, text)); }},
            .agent_id = std::move(agent),
            .secret_of = [this](std::string_view id) { return credentials_.secret_of(id); },
            .nonces = &nonces_};
}

void Sessions::request(Conn conn, const Head& head, wire::Protocol protocol)
{
    if (core_.draining)
        return exchanges_.refuse_upgrade(conn, error_answer(503, "BUSY", "The hub is going down"));
    Opening open = opening(protocol, head, credentials_, core_.utc());
    if (open.refused.empty() && !open.agent.empty() && open.proof && !admitted(open.agent, *open.proof))
        open.refused =
            "this id has a session that has proved itself; a shop without a credential cannot take it";
    const std::string name{wire::name(protocol)};
    if (!open.refused.empty()) {
        core_.host.record(Metric::auth_failures, 1);
        attempt_failed(open.agent, name, head.peer, "refused an agent: ", open.refused);
        return exchanges_.refuse_upgrade(conn, unauthorized(open.refused));
    }
    protocol = dialect_by_upgrade(protocol, head);
    auto session = std::make_unique<Session>();
    session->codec = wire::server_codec(protocol, setup(open.agent));
    if (!session->codec)
        return exchanges_.refuse_upgrade(
            conn, error_answer(501, "UNSUPPORTED", "This hub was built without " + name));
    session->protocol = protocol;
    session->ours = head.header("user-agent").starts_with("agenthost/");
    session->proof = std::move(open.proof);
    session->agent = {.id = std::move(open.agent),
                      .protocol = name,
                      .version = std::string{head.header("x-agent-version").substr(0, 64)},
                      .peer = head.peer};
    Session& made = *sessions_.emplace(conn, std::move(session)).first->second;
    core_.strand.post([this, conn, ready = open.ready, date = base::http_date(core_.utc())] {
        core_.host.upgrade(conn, base::json_object("date", date),
                           ready ? after_auth(core_.config) : std::string{before_auth});
    });
    if (open.ready) {
        if (const Enrolment* e = credentials_.enrolment(made.agent.id)) made.agent.name = e->name;
        return accept(conn, made);
    }
    made.timer = core_.after(auth_patience, [this, conn]() UNDER_LOCK {
        const auto it = sessions_.find(conn);
        if (it == sessions_.end() || it->second->ready || it->second->closing) return;
        const AgentRecord& a = it->second->agent;
        attempt_failed(a.id, a.protocol, a.peer, "closed an agent's session: ",
                       "it sent nothing to authenticate with within " +
                           std::to_string(auth_patience.count()) + " s");
        drop(conn, policy_violation, "auth_timeout");
    });
}

void Sessions::text(Conn conn, std::string frame) { core_.send(conn, std::move(frame)); }

// false: the protocol has no words for it.
bool Sessions::say(Conn conn, Session& session, const auto& message)
{
    std::string frame;
    if (!session.codec->encode(message, frame)) return false;
    text(conn, std::move(frame));
    return true;
}

void Sessions::frame(Conn conn, int opcode, std::string_view bytes)
{
    const auto it = sessions_.find(conn);
    if (it == sessions_.end() || it->second->closing) return;
    Session& session = *it->second;
    if (opcode != AGH_WS_TEXT) return not_text(conn, session, bytes.size());
    if (!session.ready) choose_dialect(session, bytes);
    const wire::FromAgent message = session.codec->decode(bytes);
    if (const auto* hello_frame = std::get_if<wire::Hello>(&message))
        return hello(conn, session, *hello_frame);
    if (const auto* refused = std::get_if<wire::Refused>(&message)) {
        core_.host.record(Metric::auth_failures, 1);
        const std::string what = session.ready ? std::string{} : "; the frame was " + wire::outline(bytes);
        attempt_failed(session.agent.id, session.agent.protocol, session.agent.peer,
                       "closed an agent's session: ", refused->reason + what);
        return drop(conn, refused->close_code, refused->reason);
    }
    if (!session.ready) return not_a_hello(conn, session, message, bytes);
    serve(conn, session, message);
}

void Sessions::choose_dialect(Session& session, std::string_view first_frame)
{
    const wire::Protocol spoken = dialect_by_first_frame(session.protocol, first_frame);
    if (spoken == session.protocol) return;
    session.protocol = spoken;
    session.codec = wire::server_codec(spoken, setup(session.agent.id));
}

// Logged by each agent's 1st, 2nd, 4th ... failure: one that tries again all the time must not fill the log.
void Sessions::attempt_failed(std::string_view agent, std::string_view protocol, std::string_view peer,
                              const std::string& what, const std::string& reason)
{
    const std::uint64_t count = attempts_.failed(agent, protocol, peer, reason, core_.utc());
    if (!std::has_single_bit(count)) return;
    core_.log_stranger(what + reason + (count > 1 ? "; " + std::to_string(count) + " times so far" : ""),
                       fields(agent, std::string{protocol}, std::string{peer}));
}

// A first frame that does not introduce the agent: the log and the close reason say what it was, without its values.
void Sessions::not_a_hello(Conn conn, Session& session, const wire::FromAgent& message,
                           std::string_view bytes)
{
    std::string why =
        "the first frame must be " + std::string{agent_protocol(session.protocol).first_frame} + " frame";
    if (const auto* bad = std::get_if<wire::Malformed>(&message)) why += ": " + bad->reason;
    core_.host.record(Metric::auth_failures, 1);
    attempt_failed(session.agent.id, session.agent.protocol, session.agent.peer,
                   "closed an agent's session: ", why + "; it was " + wire::outline(bytes));
    drop(conn, policy_violation, std::string{wire::clip(why, most_close_reason)});
}

void Sessions::serve(Conn conn, Session& session, const wire::FromAgent& message)
{
    const std::string_view agent = session.agent.id;
    if (const auto* result = std::get_if<wire::Result>(&message)) {
        const auto begins_only = agent_protocol(session.protocol).begins_only;
        if (!session.ours && begins_only != nullptr && begins_only(*result))
            observer_->progress(agent, wire::Progress{result->id, result->data});
        else
            observer_->result(agent, *result);
    } else if (const auto* progress = std::get_if<wire::Progress>(&message)) {
        observer_->progress(agent, *progress);
    } else if (const auto* stream = std::get_if<wire::Stream>(&message)) {
        observer_->stream(agent, *stream);
    } else if (const auto* beat = std::get_if<wire::Heartbeat>(&message)) {
        heartbeat(conn, session, *beat);
    } else if (const auto* metrics = std::get_if<wire::Metrics>(&message)) {
        observer_->metrics(agent, *metrics);
    } else if (const auto* log = std::get_if<wire::Log>(&message)) {
        observer_->log(agent, *log);
    } else if (const auto* event = std::get_if<wire::Event>(&message)) {
        observer_->event(agent, *event);
    } else if (const auto* bad = std::get_if<wire::Malformed>(&message)) {
        malformed(conn, session, bad->reason);
    }
}

void Sessions::heartbeat(Conn conn, Session& session, const wire::Heartbeat& beat)
{
    std::string acknowledgement; // before the event: whoever hears it may send frames of its own
    const std::string id{beat.id};
    observer_->heartbeat(session.agent.id, beat);
    if (session.closing) return;
    if (session.codec->encode(wire::Heartbeat{.facts = "{}", .at = core_.utc(), .id = id}, acknowledgement))
        text(conn, std::move(acknowledgement));
}

void Sessions::not_text(Conn conn, const Session& session, std::size_t size)
{
    const std::string what = "a binary frame of " + std::to_string(size) + " bytes";
    if (session.ready) {
        core_.log(AGH_LOG_WARN, "agent " + session.agent.id + " sent " + what +
                                    "; its protocol has text frames only, so its session is closed");
    } else {
        core_.host.record(Metric::auth_failures, 1);
        attempt_failed(session.agent.id, session.agent.protocol, session.agent.peer,
                       "closed an agent's session: ", "the first frame was " + what + " instead of text");
    }
    drop(conn, 1003, "this protocol has text frames only");
}

// The 1st, 2nd, 4th, 8th ... of a session, so that a peer cannot fill the log.
void Sessions::malformed(Conn conn, Session& session, const std::string& why)
{
    if (!std::has_single_bit(++session.bad_frames)) return;
    if (const auto complain = agent_protocol(session.protocol).complain; complain != nullptr) {
        std::string error;
        complain(error, core_.utc(), why);
        text(conn, std::move(error));
    }
    core_.log(AGH_LOG_WARN,
              "agent " + session.agent.id + " sent a frame that is not of its protocol: " + why +
                  (session.bad_frames == 1 ? std::string{}
                                           : "; " + std::to_string(session.bad_frames) + " so far"));
}

void Sessions::hello(Conn conn, Session& session, const wire::Hello& hello)
{
    const AgentProtocol& rules = agent_protocol(session.protocol);
    if (session.ready) { // a repeat changes nothing
        if (wire::traits(session.protocol).welcomes_every_hello) say(conn, session, wire::Welcome{true, {}});
        return;
    }
    const std::string agent{hello.agent_id};
    if (!session.agent.id.empty() && agent != session.agent.id)
        return refuse(conn, session, agent, "the upgrade was for another agent");
    if (rules.proof != nullptr) session.proof = rules.proof(hello, credentials_);
    if (!valid_id(agent) || !session.proof || !admitted(agent, *session.proof))
        return refuse(conn, session, agent, rules.unknown_agent);
    AgentRecord& record = session.agent;
    record.id = agent;
    record.name = hello.name;
    if (!hello.version.empty()) record.version = hello.version;
    record.platform = hello.platform;
    record.capabilities = hello.capabilities;
    core_.strand.post([this, conn] { core_.host.limits(conn, after_auth(core_.config)); });
    accept(conn, session);
}

// An id whose session has proved itself is nobody's to claim, also before its enrolment is on disk.
bool Sessions::admitted(std::string_view agent, const Proof& proof) const
{
    if (proof.kind == Proof::Kind::trust) {
        const auto live = by_agent_.find(std::string{agent});
        if (live != by_agent_.end()) {
            const auto& other = sessions_.at(live->second)->proof;
            if (other && other->kind != Proof::Kind::trust) return false;
        }
    }
    return credentials_.admits(agent, proof, core_.utc());
}

void Sessions::refuse(Conn conn, Session& session, std::string_view agent, std::string_view why)
{
    core_.host.record(Metric::auth_failures, 1);
    attempt_failed(agent, session.agent.protocol, session.agent.peer, "refused an agent: ", std::string{why});
    say(conn, session, wire::Welcome{false, why});
    drop(conn, policy_violation, std::string{why});
}

bool Sessions::take_over(Conn conn, Session& session)
{
    const std::string& agent = session.agent.id;
    const auto other = by_agent_.find(agent);
    if (other == by_agent_.end()) return true;
    Session& older = *sessions_.at(other->second);
    const auto now = core_.now();
    const Contests::Contest* contest = contests_.find(agent, now);
    if (contest != nullptr && now < contest->held_until) {
        const auto verdict =
            contests_.meet(agent, session.agent.peer, older.agent.peer, now, core_.utc()); // refuses it
        if (std::has_single_bit(verdict.contest->refused)) {
            core_.log(AGH_LOG_WARN, "agent " + agent + " at " + session.agent.peer +
                                        " is refused: another machine is connected with its identity, at " +
                                        older.agent.peer + "; " + std::to_string(verdict.contest->refused) +
                                        " refused so far");
        }
        drop(conn, try_again_later,
             "identity in use: another machine is connected as this agent; retry in " +
                 std::to_string(verdict.wait.count()) + " s");
        return false;
    }
    core_.log(AGH_LOG_INFO, "agent " + agent + " connected again; its older session is closed");
    older.replaced_by = session.agent.peer;
    drop(other->second, replaced,
         contest != nullptr ? "identity in use: another machine connects as this agent and replaced it"
                            : "replaced by a newer session of this agent");
    return true;
}

void Sessions::was_alive(const Session& older)
{
    const AgentRecord& agent = older.agent;
    const auto verdict = contests_.meet(agent.id, older.replaced_by, agent.peer, core_.now(), core_.utc());
    if (!verdict.noticed) return;
    core_.log(AGH_LOG_ERROR,
              "agent " + agent.id +
                  ": two machines use this identity and take the session from each other, at " +
                  older.replaced_by + " and " + agent.peer +
                  ". Give each an id and a credential of its own (agenthost hub agent add). Until then "
                  "newcomers are refused for a while.",
              fields(agent.id, agent.protocol, older.replaced_by));
}

// An agent without a journal does a repeated command twice, and prints twice.
int Sessions::redispatch(const Session& session) const
{
    const auto& configured = core_.config.redispatch;
    if (const auto it = configured.find(session.agent.id); it != configured.end()) return it->second;
    if (session.ours || wire::traits(session.protocol).redispatch_safe) return max_resends;
    const auto foreign = configured.find("*");
    return foreign == configured.end() ? 0 : foreign->second;
}

void Sessions::accept(Conn conn, Session& session)
{
    core_.timers.cancel(std::exchange(session.timer, {}));
    if (!take_over(conn, session)) return;
    attempts_.connected(session.agent.id);
    session.agent.redispatch = redispatch(session);
    session.ready = true;
    session.agent.first_seen = session.agent.last_seen = core_.utc();
    by_agent_.insert_or_assign(session.agent.id, conn);
    if (wire::traits(session.protocol).server_pings)
        session.timer = core_.after(core_.config.ping_interval, [this, conn]() UNDER_LOCK { ping(conn); });
    watch_expiry(conn, session);
    if (session.proof && session.proof->kind == Proof::Kind::jwt)
        observer_->by_token(session.agent, session.proof->expires);
    say(conn, session, wire::Welcome{true, {}});
    core_.log(AGH_LOG_INFO, "agent " + session.agent.id + " is connected",
              fields(session.agent.id, session.agent.protocol, session.agent.peer));
    observer_->ready(session.agent);
}

void Sessions::ping(Conn conn)
{
    const auto it = sessions_.find(conn);
    if (it == sessions_.end() || !it->second->ready) return;
    say(conn, *it->second, wire::Ping{base::random_uuid()});
    it->second->timer = core_.after(core_.config.ping_interval, [this, conn]() UNDER_LOCK { ping(conn); });
}

void Sessions::watch_expiry(Conn conn, Session& session)
{
    if (!session.proof || session.proof->kind != Proof::Kind::jwt) return;
    const std::int64_t left_s = session.proof->expires - core_.utc() / 1000;
    if (left_s <= 0) return end(conn, policy_violation, "the token has expired");
    const auto next =
        std::min<std::chrono::steady_clock::duration>(std::chrono::seconds{left_s}, longest_timer);
    session.expiry = core_.after(next, [this, conn]() UNDER_LOCK {
        if (const auto it = sessions_.find(conn); it != sessions_.end() && it->second->ready)
            watch_expiry(conn, *it->second);
    });
}

void Sessions::renewed(std::string_view agent, const Claims& claims)
{
    const auto it = by_agent_.find(std::string{agent});
    if (it == by_agent_.end()) return;
    Session& session = *sessions_.at(it->second);
    if (!session.proof || session.proof->kind != Proof::Kind::jwt) return;
    session.proof->issued = claims.iat;
    session.proof->expires = claims.exp;
    session.proof->jti = claims.jti; // the timer looks again when the old one would have expired
}

void Sessions::end(Conn conn, int code, std::string_view why)
{
    Session& session = *sessions_.at(conn);
    if (wire::traits(session.protocol).says_why_it_closes) say(conn, session, wire::Welcome{false, why});
    core_.log(AGH_LOG_WARN, "agent " + session.agent.id + " is cut off: " + std::string{why});
    drop(conn, code, std::string{why});
}

// The session ends for us now, whatever the peer does; its memory goes when the daemon says it is closed.
void Sessions::drop(Conn conn, int code, std::string reason)
{
    core_.close(conn, code, std::move(reason));
    Session& session = *sessions_.at(conn);
    session.closing = true;
    left(session);
}

void Sessions::left(Session& session)
{
    core_.timers.cancel(session.timer);
    core_.timers.cancel(session.expiry);
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

// The daemon ends a session whose message is larger than its limit, or the agent does. Which of them it was is not told.
void Sessions::met_its_limit(const Session& session)
{
    const std::string why = "the session ended with 1009: a message was larger than the other side accepts "
                            "(plugins.hub.config.message_bytes is " +
                            std::to_string(core_.config.message_bytes) + ")";
    core_.log_stranger("agent " + session.agent.id + ": " + why +
                           ". Set the agent's limits.peer_message_bytes to what the hub accepts, or raise "
                           "message_bytes",
                       fields(session.agent.id, session.agent.protocol, session.agent.peer));
    if (!session.ours) observer_->too_large(session.agent.id);
}

// `code`: 1002, 1007 and 1009 mean that the daemon, which reads the frames, closed for what the peer sent.
void Sessions::closed(Conn conn, int code)
{
    const auto it = sessions_.find(conn);
    if (it == sessions_.end()) return;
    // While it is still known: what follows may want to send to its agent.
    if (code == message_too_big && it->second->ready) met_its_limit(*it->second);
    const auto node = sessions_.extract(conn);
    const std::unique_ptr<Session>& session = node.mapped();
    if (!session->replaced_by.empty() && code == replaced) was_alive(*session);
    const std::string_view fault = fault_of(code);
    if (session->ready) {
        core_.log(fault.empty() ? AGH_LOG_INFO : AGH_LOG_WARN,
                  "agent " + session->agent.id + " left" +
                      (fault.empty() ? std::string{} : ": a frame of its session " + std::string{fault}));
    } else if (!session->closing && !fault.empty()) {
        core_.host.record(Metric::auth_failures, 1);
        attempt_failed(session->agent.id, session->agent.protocol, session->agent.peer,
                       "closed an agent's session: ",
                       "the first frame " + std::string{fault} + "; it may have " +
                           std::to_string(most_first_frame) + " bytes");
    }
    left(*session);
}

void Sessions::close_all()
{
    for (const auto& [conn, session] : sessions_) {
        if (!session->closing) drop(conn, 1001, "the hub is going down");
    }
}

void Sessions::check_credentials()
{
    std::vector<std::string> gone;
    for (const auto& [agent, conn] : by_agent_) {
        const Session& session = *sessions_.at(conn);
        if (!session.proof || !credentials_.admits(agent, *session.proof, core_.utc())) gone.push_back(agent);
    }
    for (const std::string& agent : gone) cut(agent, "the credential is no longer valid");
    observer_->credentials_changed();
}

Fanout::Sent Sessions::send(std::string_view agent, const wire::Command& command)
{
    const auto it = by_agent_.find(std::string{agent});
    if (it == by_agent_.end()) return Sent::gone;
    Session& session = *sessions_.at(it->second);
    wire::Command said = command;
    const wire::ProtocolTraits& row = wire::traits(session.protocol);
    said.action = core_.config.words.word(row.name, command.action);
    // Checked again here: the agent may have come back with another protocol than its command was checked for.
    if (row.reserves_word(said.action)) return Sent::unspeakable;
    std::string frame;
    if (!session.codec->encode(said, frame)) return Sent::unspeakable;
    core_.strand.post([this, conn = it->second, frame = std::move(frame), agent = std::string{agent},
                       id = std::string{command.id}] {
        if (core_.host.send(conn, frame) != AGH_E_BUSY) return; // a dead session's on_closed comes by itself
        core_.strand.run([this, &agent, &id]() UNDER_LOCK { observer_->not_taken(agent, id); });
    });
    return Sent::taken;
}

void Sessions::cut(std::string_view agent, std::string_view why)
{
    if (const auto it = by_agent_.find(std::string{agent}); it != by_agent_.end())
        end(it->second, policy_violation, why);
}

void Sessions::pause(std::string_view agent, bool on)
{
    if (const auto it = by_agent_.find(std::string{agent}); it != by_agent_.end())
        core_.strand.post([this, conn = it->second, on] { core_.host.pause(conn, on); });
}

const AgentRecord* Sessions::find(std::string_view agent) const
{
    const auto it = by_agent_.find(std::string{agent});
    return it == by_agent_.end() ? nullptr : &sessions_.at(it->second)->agent;
}

std::vector<std::string> Sessions::connected(std::string_view protocol) const
{
    std::vector<std::string> ids;
    for (const auto& [agent, conn] : by_agent_) {
        if (sessions_.at(conn)->agent.protocol == protocol) ids.push_back(agent);
    }
    std::sort(ids.begin(), ids.end());
    return ids;
}

} // namespace agenthost::hub
