#include "sessions.hpp"

#include "words.hpp"

#include <agenthost/json.hpp>

#include <algorithm>

namespace agenthost::hub {

namespace {

// An auth frame is under 1 KiB; a token may be a JWT.
constexpr std::string_view before_auth =
    R"({"message_bytes":16384,"send_queue":65536,"idle_s":10,"ping_s":30})";
constexpr std::string_view after_auth =
    R"({"message_bytes":1048576,"send_queue":4194304,"idle_s":0,"ping_s":30})";
constexpr int policy_violation = 1008;

} // namespace

void Sessions::request(Conn conn, const Head& head, wire::Protocol protocol)
{
    auto session = std::make_unique<Session>();
    session->codec = wire::server_codec(protocol);
    session->protocol = protocol;
    session->peer = head.peer;
    if (core_.draining) return core_.answer(conn, error_answer(503, "BUSY", "The hub is going down"));
    if (!session->codec) {
        core_.answer(conn, error_answer(501, "UNSUPPORTED",
                                        "This hub was built without the protocol " +
                                            std::string{wire::name(protocol)}));
        return;
    }
    sessions_.emplace(conn, std::move(session));
    core_.outbox.push_back([this, conn] { core_.host.upgrade(conn, before_auth); });
}

void Sessions::text(Conn conn, std::string frame)
{
    core_.outbox.push_back([this, conn, frame = std::move(frame)] { core_.host.send(conn, frame); });
}

void Sessions::frame(Conn conn, int opcode, std::string_view bytes)
{
    const auto it = sessions_.find(conn);
    if (it == sessions_.end() || it->second->closing) return;
    Session& session = *it->second;
    if (opcode != AGH_WS_TEXT) return drop(conn, 1003, "this protocol has text frames only");
    const wire::FromAgent message = session.codec->decode(bytes);
    if (const auto* hello_frame = std::get_if<wire::Hello>(&message))
        return hello(conn, session, *hello_frame);
    if (!session.ready) return drop(conn, policy_violation, "authenticate first");
    if (const auto* result = std::get_if<wire::Result>(&message)) {
        events_.result(session.agent.id, *result);
    } else if (const auto* progress = std::get_if<wire::Progress>(&message)) {
        events_.progress(session.agent.id, *progress);
    } else if (const auto* heartbeat = std::get_if<wire::Heartbeat>(&message)) {
        if (events_.heartbeat) events_.heartbeat(session.agent.id, *heartbeat);
    } else if (const auto* metrics = std::get_if<wire::Metrics>(&message)) {
        if (events_.metrics) events_.metrics(session.agent.id, *metrics);
    } else if (const auto* log = std::get_if<wire::Log>(&message)) {
        if (events_.log) events_.log(session.agent.id, *log);
    } else if (const auto* event = std::get_if<wire::Event>(&message)) {
        if (events_.event) events_.event(session.agent.id, *event);
    } else if (const auto* stream = std::get_if<wire::Stream>(&message)) {
        if (events_.stream) events_.stream(session.agent.id, *stream);
    } else if (const auto* bad = std::get_if<wire::Malformed>(&message)) {
        core_.log(AGH_LOG_WARN,
                  "agent " + session.agent.id + " sent a frame that is not of its protocol: " + bad->reason);
    }
}

void Sessions::hello(Conn conn, Session& session, const wire::Hello& hello)
{
    if (session.ready) return; // a repeat changes nothing
    session.token = kit::sha256(hello.credential);
    if (!valid_id(hello.agent_id) || !credentials_.agent_may(hello.agent_id, session.token)) {
        core_.host.record(Metric::auth_failures, 1);
        core_.log(AGH_LOG_WARN, "refused an agent: unknown id or wrong token",
                  "{\"agent\":" + json_string(hello.agent_id.substr(0, 128)) +
                      ",\"peer\":" + json_string(session.peer) + "}");
        std::string answer;
        session.codec->encode(wire::Welcome{false, "unknown agent or wrong token"}, answer);
        text(conn, std::move(answer));
        return drop(conn, policy_violation, "unknown agent or wrong token");
    }
    session.agent = {.id = std::string{hello.agent_id},
                     .protocol = std::string{wire::name(session.protocol)},
                     .name = std::string{hello.name},
                     .version = std::string{hello.version},
                     .peer = session.peer,
                     .first_seen = core_.utc(),
                     .last_seen = core_.utc(),
                     .platform = std::string{hello.platform},
                     .capabilities = std::string{hello.capabilities}};
    if (const auto other = by_agent_.find(session.agent.id); other != by_agent_.end()) {
        core_.log(AGH_LOG_INFO,
                  "agent " + session.agent.id + " connected again; its older session is closed");
        drop(other->second, 1000, "replaced by a newer session of this agent");
    }
    session.ready = true;
    by_agent_.insert_or_assign(session.agent.id, conn);
    core_.outbox.push_back([this, conn] { core_.host.limits(conn, after_auth); });
    std::string answer;
    session.codec->encode(wire::Welcome{true, {}}, answer);
    text(conn, std::move(answer));
    core_.log(AGH_LOG_INFO, "agent " + session.agent.id + " is connected",
              "{\"agent\":" + json_string(session.agent.id) + ",\"peer\":" + json_string(session.peer) + "}");
    events_.ready(session.agent);
}

// The session ends for us now, whatever the peer does; its memory goes when the daemon says it is closed.
void Sessions::drop(Conn conn, int code, std::string reason)
{
    core_.outbox.push_back(
        [this, conn, code, reason = std::move(reason)] { core_.host.close(conn, code, reason); });
    Session& session = *sessions_.at(conn);
    session.closing = true;
    if (!std::exchange(session.ready, false)) return;
    by_agent_.erase(session.agent.id);
    session.agent.last_seen = core_.utc();
    events_.lost(session.agent);
}

void Sessions::writable(Conn conn)
{
    const auto it = sessions_.find(conn);
    if (it != sessions_.end() && it->second->ready) events_.writable(it->second->agent.id);
}

void Sessions::closed(Conn conn)
{
    const auto it = sessions_.find(conn);
    if (it == sessions_.end()) return;
    const std::unique_ptr<Session> session = std::move(it->second);
    sessions_.erase(it);
    if (!session->ready) return;
    by_agent_.erase(session->agent.id);
    session->agent.last_seen = core_.utc();
    core_.log(AGH_LOG_INFO, "agent " + session->agent.id + " left");
    events_.lost(session->agent);
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
        if (!credentials_.agent_may(agent, sessions_.at(conn)->token)) gone.push_back(agent);
    }
    for (const std::string& agent : gone) cut(agent, "the credential is no longer valid");
}

Fanout::Sent Sessions::send(std::string_view agent, const wire::Command& command)
{
    const auto it = by_agent_.find(std::string{agent});
    if (it == by_agent_.end()) return Sent::gone;
    Session& session = *sessions_.at(it->second);
    wire::Command said = command;
    said.action = wire_word(session.protocol, command.action);
    std::string frame;
    if (!session.codec->encode(said, frame)) return Sent::unspeakable;
    core_.outbox.push_back([this, conn = it->second, frame = std::move(frame), agent = std::string{agent},
                            id = std::string{command.id}] {
        if (core_.host.send(conn, frame) != AGH_E_BUSY) return; // a dead session's on_closed comes by itself
        core_.enter([this, &agent, &id] { events_.not_taken(agent, id); });
    });
    return Sent::taken;
}

void Sessions::cut(std::string_view agent, std::string_view why)
{
    const auto it = by_agent_.find(std::string{agent});
    if (it == by_agent_.end()) return;
    core_.log(AGH_LOG_WARN, "agent " + std::string{agent} + " is cut off: " + std::string{why});
    drop(it->second, policy_violation, std::string{why});
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
