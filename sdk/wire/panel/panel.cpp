// The agent's end. The server's: server.cpp.
#include "panel.hpp"

#include "wire/codes.hpp"
#include "wire/json/fields.hpp"
#include "wire/session/answers.hpp"
#include "wire/session/outcomes.hpp"

#include <array>

namespace agenthost::wire {
namespace {

// Members that may accompany a command's parameters if these are in `data` without a `payload`.
constexpr std::array<std::string_view, 8> envelope{"id",       "type",   "timestamp", "agentId",
                                                   "serverId", "action", "timeout",   "payload"};

class PanelAgent final : public AgentCodec {
public:
    explicit PanelAgent(AgentSetup setup) : environment_{std::move(setup.environment)} {}

    Opening opening(const Hello&) override;
    std::string hello(const Hello& hello) override
    {
        agent_id_ = hello.agent_id;
        return {}; // the upgrade contains everything
    }
    FromServer decode(std::string_view frame, bool authenticating) override;
    bool encode(const Result&, std::string& out) override;
    bool encode(const Progress&, std::string& out) override;
    bool encode(const Stream&, std::string&) override { return false; }
    bool encode(const Event&, std::string& out) override;
    bool encode(const Heartbeat&, std::string& out) override;
    bool encode(const Metrics&, std::string&) override { return false; } // sent as a pong's systemLoad
    bool encode(const Log&, std::string& out) override;

private:
    FromServer read(std::span<const json::Member>);
    FromServer ping(FieldReader&, std::string_view id);
    FromServer command(std::span<const json::Member>, FieldReader&, std::string_view id);
    void foreign(FieldReader&); // sets its problem if the frame is for another agent
    void begin(base::JsonWriter&, std::string_view id, std::string_view type, std::int64_t at) const;
    // The caller writes the value of "data" and closes the frame.
    void begin_event(base::JsonWriter&, std::string_view event, std::int64_t at) const;

    Environment environment_;
    std::string agent_id_;
    bool nameless_ping_ = false; // the last ping had no id, so its pong has none
    Scratch scratch_;
};

Opening PanelAgent::opening(const Hello& hello)
{
    agent_id_ = hello.agent_id;
    Opening out;
    if (fits_a_header(hello.credential))
        out.headers.emplace_back("Authorization", std::string{"Bearer "}.append(hello.credential));
    if (fits_a_header(hello.agent_id)) out.headers.emplace_back("X-Agent-ID", hello.agent_id);
    return out;
}

void PanelAgent::foreign(FieldReader& fields)
{
    const std::string_view id = fields.identifier("agentId", max_length::id);
    if (fields.problem.empty() && !id.empty() && !agent_id_.empty() && id != agent_id_)
        fields.problem = "agentId is not this agent's";
}

FromServer PanelAgent::decode(std::string_view frame, bool)
{
    std::string why;
    const auto members = json::split(frame, why);
    scratch_.begin(frame);
    if (members) return read(*members);
    const auto salvaged = json::salvage(frame);
    if (!salvaged) return Malformed{std::move(why), {}};
    return refused_with(read(*salvaged), std::move(why));
}

FromServer PanelAgent::read(std::span<const json::Member> members)
{
    FieldReader fields{members, scratch_};
    const std::string_view id = fields.identifier("id", max_length::id);
    const std::string_view type = fields.needed("type", max_length::word);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), id};
    if (type == "ping") return ping(fields, id);
    if (type == "command") return command(members, fields, id);
    return Nothing{}; // a type of a later version, or an echo of our own frame: answering it would loop
}

FromServer PanelAgent::ping(FieldReader& fields, std::string_view id)
{
    foreign(fields);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), id};
    nameless_ping_ = id.empty();
    return Ping{id};
}

FromServer PanelAgent::command(std::span<const json::Member> members, FieldReader& fields,
                               std::string_view id)
{
    Command command;
    command.id = id;
    command.params = "{}";
    command.action = fields.identifier("action", max_length::action);
    foreign(fields);
    command.target = fields.identifier("serverId", max_length::id);
    std::string_view timeout = fields.raw("timeout");
    const json::Member* payload = find(members, "payload");
    const json::Member* nested = find(members, "data");
    if (payload && payload->kind == json::Kind::null) payload = nullptr;
    if (nested && nested->kind != json::Kind::object) nested = nullptr;
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), id};
    std::string why;

    json::Member body; // the parameters
    if (payload) {
        body = *payload;
    } else if (nested && !command.action.empty()) {
        body = *nested;
    }
    if (nested && command.action.empty()) { // some deployed servers put the command into `data`
        const auto inner = json::split(nested->raw, why);
        if (!inner) {
            const auto salvaged = id.empty() ? json::salvage(nested->raw) : std::nullopt;
            if (salvaged) id = FieldReader{*salvaged, scratch_}.identifier("id", max_length::id);
            return Malformed{"data: " + why, id};
        }
        FieldReader more{*inner, scratch_};
        if (command.id.empty()) command.id = more.identifier("id", max_length::id);
        command.action = more.identifier("action", max_length::action);
        foreign(more);
        const std::string_view target = more.identifier("serverId", max_length::id);
        if (command.target.empty()) command.target = target;
        if (timeout.empty()) timeout = more.raw("timeout");
        if (!more.problem.empty()) return Malformed{"data: " + more.problem, command.id};
        const json::Member* const own = find(*inner, "payload");
        if (own && own->kind != json::Kind::null) {
            body = *own;
        } else if (!payload) {
            command.params = scratch_.object(*inner, envelope);
        }
    }
    if (command.action.empty()) return Malformed{"action is missing", command.id};
    if (command.id.empty()) return Malformed{"id is missing", {}};
    if (!timeout.empty()) command.timeout = from_seconds(timeout);
    if (body.raw.empty()) return command;

    if (body.kind != json::Kind::object) return Malformed{"payload is not an object", command.id};
    command.params = body.raw;
    if (command.target.empty() && may_have(body.raw, "serverId")) {
        const auto inner = json::split(body.raw, why);
        if (!inner) return Malformed{"payload: " + why, command.id};
        FieldReader more{*inner, scratch_};
        command.target = more.identifier("serverId", max_length::id);
        if (!more.problem.empty()) return Malformed{"payload: " + more.problem, command.id};
    }
    return command;
}

void PanelAgent::begin(base::JsonWriter& json, std::string_view id, std::string_view type,
                       std::int64_t at) const
{
    json.object();
    if (!id.empty()) json.member("id", id);
    json.member("type", type);
    write_time(json, "timestamp", at != 0 ? at : now(environment_));
}

void PanelAgent::begin_event(base::JsonWriter& json, std::string_view event, std::int64_t at) const
{
    begin(json, new_id(environment_), "event", at);
    json.member("event", event).key("data");
}

bool PanelAgent::encode(const Result& result, std::string& out)
{
    base::JsonWriter json{out};
    begin(json, result.id, "response", 0);
    json.member("success", result.outcome == Outcome::success);
    if (result.outcome == Outcome::success) {
        std::string message, rest;
        std::string_view data = result.data;
        if (cut_message(data, message, rest)) {
            json.member("message", base::RawJson{message});
            data = rest;
        }
        if (!data.empty()) json.member("data", base::RawJson{data});
    } else {
        const Error& error = result.error;
        const std::string_view code = error.code.empty() ? code::internal : error.code;
        json.object("error").member("code", clip(code, max_length::word));
        write_field(json, "message", error.message.empty() ? code : error.message, max_length::text);
        write_field(json, "detail", error.detail, max_length::text);
        if (!error.data.empty()) json.member("data", base::RawJson{error.data});
        write_outcome(json, result);
        json.end();
    }
    json.end();
    return true;
}

bool PanelAgent::encode(const Progress& progress, std::string& out)
{
    base::JsonWriter json{out};
    begin_event(json, "progress", 0);
    json.object().member("id", progress.id);
    std::string why;
    const auto members = is_object(progress.json) ? json::split(progress.json, why) : std::nullopt;
    if (members) {
        for (const json::Member& member : *members)
            if (member.key != "id") write_member(json, member); // the command's id is used
    } else if (!progress.json.empty()) {
        json.member("value", base::RawJson{progress.json});
    }
    json.end().end();
    return true;
}

bool PanelAgent::encode(const Event& event, std::string& out)
{
    const std::size_t dot = event.topic.find('.');
    const std::string_view name = event.topic.substr(dot == event.topic.npos ? 0 : dot + 1);
    const std::string_view data = event.json.empty() ? "{}" : event.json;
    // Panels look for the server in the data; if it cannot be added there, the envelope has a member for it.
    bool in_data = event.target.empty(), add = false;
    if (!in_data && is_object(data)) {
        std::string why;
        const auto members = json::split(data, why);
        const json::Member* const own = members ? find(*members, "serverId") : nullptr;
        in_data = own && own->kind == json::Kind::string && own->text == event.target;
        add = members && !own && members->size() < json::max_members;
    }
    base::JsonWriter json{out};
    begin(json, new_id(environment_), "event", event.at);
    if (!in_data && !add) write_field(json, "serverId", event.target, max_length::id);
    json.member("event", clip(name, max_length::action));
    if (add)
        json.object("data")
            .member("serverId", clip(event.target, max_length::id))
            .raw_members(members_of(data))
            .end();
    else
        json.member("data", base::RawJson{data});
    json.end();
    return true;
}

bool PanelAgent::encode(const Heartbeat& pong, std::string& out)
{
    if (pong.id.empty() && !nameless_ping_) return false; // unsolicited: WebSocket pings are used instead
    nameless_ping_ = false;
    std::string why;
    const auto facts = json::split(pong.facts.empty() ? "{}" : pong.facts, why);
    const auto fact = [&](std::string_view key) {
        const json::Member* const found = facts ? find(*facts, key) : nullptr;
        return found ? found->raw : std::string_view{};
    };
    const std::string_view status = fact("agent_status"), servers = fact("active_servers"),
                           load = fact("system_load");
    base::JsonWriter json{out};
    begin(json, pong.id, "pong", pong.at);
    json.object("data").member("agentStatus", base::RawJson{status.empty() ? R"("healthy")" : status});
    json.member("activeServers", base::RawJson{servers.empty() ? "0" : servers}); // no plugin reports servers
    if (!load.empty()) json.member("systemLoad", base::RawJson{load});
    json.end().end();
    return true;
}

bool PanelAgent::encode(const Log& log, std::string& out)
{
    base::JsonWriter json{out};
    begin_event(json, "log", log.at);
    json.object()
        .member("level", clip(log.level, max_length::word))
        .member("message", clip(log.message, max_length::text));
    write_field(json, "source", log.source, max_length::id);
    json.end().end();
    return true;
}

} // namespace

std::unique_ptr<AgentCodec> make_panel_agent(AgentSetup setup)
{
    return std::make_unique<PanelAgent>(std::move(setup));
}

} // namespace agenthost::wire
