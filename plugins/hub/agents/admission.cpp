#include "admission.hpp"

#include "base/hash.hpp"
#include "base/http_date.hpp"
#include "base/json_writer.hpp"
#include "base/uuid.hpp"
#include "plugins/hub/credentials/keys.hpp"

#include "wire/json/fields.hpp"
#include "wire/json/outline.hpp"

#include <utility>

namespace agenthost::hub {

namespace {

// An auth frame is under 1 KiB; a token may be a JWT. The hub's own deadline, which closes with the
// protocol's error, comes before idle_s.
constexpr std::string_view before_auth =
    R"({"message_bytes":16384,"send_queue":65536,"idle_s":15,"ping_s":30})";
constexpr std::size_t max_first_frame = 16384;
static_assert(before_auth.find("\"message_bytes\":16384,") != std::string_view::npos);
constexpr auto auth_deadline = std::chrono::seconds{10};
constexpr std::size_t max_close_reason = 123; // RFC 6455, 5.5: 125 bytes less the code
constexpr const char* closed_session = "closed an agent's session: ";

std::string after_auth(const Config& config)
{
    constexpr int send_queue = 4 << 20;
    return base::json_object("message_bytes", config.message_bytes, "send_queue", send_queue, "idle_s", 0,
                             "ping_s", 30);
}

// Its first frame proves nothing more, and others may follow before it is read: a print shop's heartbeat has all its
// printers. A limit that is raised then would come too late.
bool proved_by_upgrade(const AgentSession& session)
{
    return wire::traits(session.protocol()).acceptance == wire::Acceptance::upgrade &&
           !session.agent.id.empty() && session.proof.has_value();
}

AttemptLog::Claim claim(const AgentRecord& agent) { return {agent.id, agent.protocol, agent.peer}; }

} // namespace

wire::ServerSetup Admission::setup(std::string agent)
{
    return {.environment = {
                .utc_ms = [this] { return core_.utc(); },
                .uuid = base::random_uuid,
                .hmac = [](std::string_view key,
                           std::string_view text) { return base::hex(base::hmac_sha256(key, text)); }},
            .agent_id = std::move(agent),
            .secret_of = [this](std::string_view id) { return credentials_.secret_of(id); },
            .nonces = &nonces_};
}

std::unique_ptr<AgentSession> Admission::request(Conn conn, const Head& head, wire::Protocol protocol)
{
    const auto refuse_upgrade = [&](const Answer& answer) UNDER_LOCK {
        exchanges_.refuse_upgrade(conn, answer);
        return nullptr;
    };
    if (core_.draining) return refuse_upgrade(error_answer(503, "BUSY", "The hub is shutting down"));
    Opening open = opening(protocol, head, credentials_, core_.utc());
    if (open.refused.empty() && !open.agent.empty() && open.proof && !admitted(open.agent, *open.proof))
        open.refused = "this id has an authenticated session; a shop without a credential cannot replace it";
    const std::string name{wire::name(protocol)};
    if (!open.refused.empty()) {
        attempts_.refused({open.agent, name, head.peer}, "refused an agent: ", open.refused);
        return refuse_upgrade(unauthorized(open.refused));
    }
    auto session = std::make_unique<AgentSession>(core_, conn);
    if (!session->use(dialect_by_upgrade(protocol, head), setup(open.agent)))
        return refuse_upgrade(error_answer(501, "UNSUPPORTED", "This hub was built without " + name));
    session->ours = head.header("user-agent").starts_with("agenthost/");
    session->proof = std::move(open.proof);
    session->agent = {.id = std::move(open.agent),
                      .protocol = name,
                      .version = std::string{head.header("x-agent-version").substr(0, 64)},
                      .peer = head.peer};
    const bool proved = open.ready || proved_by_upgrade(*session);
    core_.strand.post([this, conn, proved, date = base::http_date(core_.utc())] {
        core_.host.upgrade(conn, base::json_object("date", date),
                           proved ? after_auth(core_.config) : std::string{before_auth});
    });
    if (open.ready) {
        if (const Enrolment* e = credentials_.enrolment(session->agent.id)) session->agent.name = e->name;
        return session;
    }
    wait(*waiting_.emplace(conn, std::move(session)).first->second);
    return nullptr;
}

void Admission::wait(AgentSession& session)
{
    session.timer = core_.after(auth_deadline, [this, &session]() UNDER_LOCK {
        attempts_.failed(claim(session.agent), closed_session,
                         "it sent nothing to authenticate with within " +
                             std::to_string(auth_deadline.count()) + " s");
        session.close(close_code::policy_violation, "auth_timeout");
    });
}

std::unique_ptr<AgentSession> Admission::frame(Conn conn, int opcode, std::string_view bytes)
{
    const auto it = waiting_.find(conn);
    if (it == waiting_.end() || it->second->closing()) return nullptr;
    AgentSession& session = *it->second;
    if (opcode != AGH_WS_TEXT) {
        attempts_.refused(claim(session.agent), closed_session,
                          "the first frame was a binary frame of " + std::to_string(bytes.size()) +
                              " bytes instead of text");
        session.close(close_code::no_binary, "this protocol has text frames only");
        return nullptr;
    }
    if (const wire::Protocol dialect = dialect_by_first_frame(session.protocol(), bytes);
        dialect != session.protocol() && !session.use(dialect, setup(session.agent.id))) {
        session.close(close_code::policy_violation, "this hub was built without this dialect");
        return nullptr;
    }
    const wire::FromAgent message = session.decode(bytes);
    if (const auto* introduced = std::get_if<wire::Hello>(&message)) return hello(session, *introduced);
    if (const auto* refused = std::get_if<wire::Refused>(&message)) {
        attempts_.refused(claim(session.agent), closed_session,
                          refused->reason + "; the frame was " + wire::outline(bytes));
        session.close(refused->close_code, refused->reason);
    } else {
        not_a_hello(session, message, bytes);
    }
    return nullptr;
}

// The log and the close reason describe the frame without its values.
void Admission::not_a_hello(AgentSession& session, const wire::FromAgent& message, std::string_view bytes)
{
    const std::string first{agent_protocol(session.protocol()).first_frame};
    std::string why = "the first frame must be " + first + " frame";
    if (const auto* bad = std::get_if<wire::Malformed>(&message)) why += ": " + bad->reason;
    attempts_.refused(claim(session.agent), closed_session, why + "; it was " + wire::outline(bytes));
    session.close(close_code::policy_violation, std::string{wire::clip(why, max_close_reason)});
}

// Why the agent is rejected; empty: it is admitted.
std::string Admission::examine(AgentSession& session, const wire::Hello& hello)
{
    const AgentProtocol& rules = agent_protocol(session.protocol());
    if (!session.agent.id.empty() && hello.agent_id != session.agent.id)
        return "the upgrade was for another agent";
    if (rules.proof != nullptr) session.proof = rules.proof(hello, credentials_);
    const bool good = valid_id(hello.agent_id) && session.proof && admitted(hello.agent_id, *session.proof);
    return good ? std::string{} : std::string{rules.unknown_agent};
}

std::unique_ptr<AgentSession> Admission::hello(AgentSession& session, const wire::Hello& hello)
{
    const std::string agent{hello.agent_id};
    if (const std::string why = examine(session, hello); !why.empty()) {
        refuse(session, agent, why);
        return nullptr;
    }
    AgentRecord& record = session.agent;
    record.id = agent;
    record.name = hello.name;
    if (!hello.version.empty()) record.version = hello.version;
    record.platform = hello.platform;
    record.capabilities = hello.capabilities;
    core_.strand.post([this, conn = session.conn()] { core_.host.limits(conn, after_auth(core_.config)); });
    session.stop_timers();
    return std::move(waiting_.extract(session.conn()).mapped());
}

void Admission::refuse(AgentSession& session, std::string_view agent, const std::string& why)
{
    attempts_.refused({agent, session.agent.protocol, session.agent.peer}, "refused an agent: ", why);
    session.say(wire::Welcome{false, why});
    session.close(close_code::policy_violation, why);
}

// Trust does not admit an id whose live session has authenticated, even before its enrolment is on disk.
bool Admission::admitted(std::string_view agent, const Proof& proof) const
{
    if (proof.kind == Proof::Kind::trust) {
        const Proof* live = proof_of_live_(agent);
        if (live != nullptr && live->kind != Proof::Kind::trust) return false;
    }
    return credentials_.admits(agent, proof, core_.utc());
}

void Admission::closed(Conn conn, int code)
{
    const auto node = waiting_.extract(conn);
    if (node.empty()) return;
    AgentSession& session = *node.mapped();
    session.stop_timers();
    const std::string_view fault = frame_fault(code);
    if (session.closing() || fault.empty()) return;
    const std::uint64_t most = proved_by_upgrade(session) ? core_.config.message_bytes : max_first_frame;
    attempts_.refused(claim(session.agent), closed_session,
                      "the first frame " + std::string{fault} + "; it may have " + std::to_string(most) +
                          " bytes");
}

void Admission::close_all(int code, const std::string& reason)
{
    for (const auto& [conn, session] : waiting_) {
        if (!session->closing()) session->close(code, reason);
    }
}

} // namespace agenthost::hub
