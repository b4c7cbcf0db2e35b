// The server's end. The agent's is in panel.cpp.
#include "panel.hpp"

#include "wire/codes.hpp"
#include "wire/json/fields.hpp"
#include "wire/session/answers.hpp"
#include "wire/session/outcomes.hpp"

#include "base/iso8601.hpp"

#include <array>

namespace agenthost::wire {
namespace {

struct FactName {
    std::string_view wire, fact;
};
constexpr std::array fact_names{FactName{"agentStatus", "agent_status"},
                                FactName{"activeServers", "active_servers"},
                                FactName{"systemLoad", "system_load"}};
constexpr std::array<std::string_view, 1> progress_id{"id"};

class PanelServer final : public ServerCodec {
public:
    explicit PanelServer(ServerSetup setup)
        : environment_{std::move(setup.environment)}, agent_id_{std::move(setup.agent_id)}
    {}

    FromAgent decode(std::string_view frame) override;
    // The answer to the upgrade is the welcome.
    bool encode(const Welcome&, std::string&) override { return false; }
    bool encode(const Command&, std::string& out) override;
    bool encode(const Ping&, std::string& out) override;
    // Pongs are not acknowledged.
    bool encode(const Heartbeat&, std::string&) override { return false; }

private:
    // The fields of a frame.
    struct Frame {
        std::string_view id;
        std::int64_t at = 0;
        json::Member data, error;
    };
    FromAgent response(std::span<const json::Member>, FieldReader&, const Frame&);
    FromAgent failure(FieldReader&, const Frame&);
    FromAgent event(FieldReader&, const Frame&);
    FromAgent pong(const Frame&);
    void begin(base::JsonWriter&, std::string_view id, std::string_view type) const;

    Environment environment_;
    std::string agent_id_;
    Scratch scratch_;
    // Storage for what is neither in the frame nor in scratch_; at most twice the frame.
    std::string memory_;
};

json::Member value(std::span<const json::Member> members, std::string_view key)
{
    const json::Member* const found = find(members, key);
    return found && found->kind != json::Kind::null ? *found : json::Member{};
}

FromAgent PanelServer::decode(std::string_view frame)
{
    std::string why;
    const auto members = json::split(frame, why);
    if (!members) return Malformed{std::move(why), {}};
    scratch_.begin(frame);
    renew(memory_);
    FieldReader fields{*members, scratch_};
    Frame f;
    f.id = fields.identifier("id", max_length::id);
    const std::string_view type = fields.needed("type", max_length::word);
    const std::string_view agent = fields.identifier("agentId", max_length::id);
    f.at = base::from_iso8601(value(*members, "timestamp").text).value_or(0);
    f.data = value(*members, "data"), f.error = value(*members, "error");
    if (fields.problem.empty() && !agent.empty() && !agent_id_.empty() && agent != agent_id_)
        fields.problem = "agentId is not the one this connection was opened for";
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), f.id};
    if (type == "response") return response(*members, fields, f);
    if (type == "event") return event(fields, f);
    if (type == "pong") return pong(f);
    return Nothing{}; // a type of a later version
}

FromAgent PanelServer::response(std::span<const json::Member> members, FieldReader& fields, const Frame& f)
{
    if (f.id.empty()) return Malformed{"id is missing", {}};
    // Deployed agents first send a response of status "processing"; the result follows with the same id.
    const json::Member* const status = find(members, "status");
    if (status && status->text == "processing")
        return Progress{f.id, f.data.kind == json::Kind::object ? f.data.raw : std::string_view{"{}"}};
    const json::Member* const success = find(members, "success");
    if (!success || success->kind != json::Kind::boolean)
        return Malformed{"success is neither true nor false", f.id};
    if (success->raw == "false") return failure(fields, f);
    const std::string_view message = fields.text("message", max_length::text);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), f.id};
    Result result;
    result.id = f.id;
    result.data = with_message(message, f.data.raw, memory_);
    return result;
}

FromAgent PanelServer::failure(FieldReader& fields, const Frame& f)
{
    Result result;
    result.id = f.id;
    result.outcome = Outcome::error;
    Error& error = result.error;
    const std::string_view message = fields.text("message", max_length::text);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), f.id};
    std::string_view outcome;
    if (f.error.kind == json::Kind::object) {
        std::string why;
        const auto inner = json::split(f.error.raw, why);
        if (!inner) return Malformed{"error: " + why, f.id};
        FieldReader more{*inner, scratch_};
        error.code = more.identifier("code", max_length::word);
        error.message = more.text("message", max_length::text);
        error.detail = more.text("detail", max_length::text);
        error.data = more.raw("data");
        outcome = more.identifier("outcome", max_length::word);
        if (!more.problem.empty()) return Malformed{"error: " + more.problem, f.id};
    } else if (f.error.kind == json::Kind::string) { // text only
        error.message = fields.text("error", max_length::text);
        if (!fields.problem.empty()) return Malformed{std::move(fields.problem), f.id};
    }
    if (error.message.empty()) error.message = message;
    if (error.code.empty()) error.code = code::internal;
    if (error.data.empty()) error.data = f.data.raw;
    result.outcome = outcome_of(outcome, error.code);
    return result;
}

FromAgent PanelServer::event(FieldReader& fields, const Frame& f)
{
    Event event;
    event.at = f.at;
    event.topic = fields.needed("event", max_length::action);
    event.target = fields.identifier("serverId", max_length::id);
    event.json = f.data.raw.empty() ? "{}" : f.data.raw;
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), f.id};
    if (f.data.kind != json::Kind::object) return event;

    std::string why;
    const auto inner = json::split(f.data.raw, why);
    if (!inner) return event; // too many keys, or a duplicate key: unchanged
    FieldReader more{*inner, scratch_};
    if (event.topic == "progress") {
        const std::string_view id = more.identifier("id", max_length::id);
        if (!id.empty()) return Progress{id, scratch_.object(*inner, progress_id)};
    } else if (event.topic == "log") {
        Log log;
        log.level = more.identifier("level", max_length::word);
        log.message = more.text("message", max_length::text);
        log.source = more.identifier("source", max_length::id);
        log.at = f.at;
        if (more.problem.empty() && !log.message.empty()) return log;
    }
    if (event.target.empty()) event.target = more.identifier("serverId", max_length::id);
    return event;
}

FromAgent PanelServer::pong(const Frame& f)
{
    Heartbeat beat{"{}", f.at, f.id};
    if (f.data.kind == json::Kind::null) return beat;
    std::string why;
    const auto inner = f.data.kind == json::Kind::object ? json::split(f.data.raw, why) : std::nullopt;
    if (!inner) return Malformed{"data " + (why.empty() ? "is not an object" : why), f.id};
    base::JsonWriter json{memory_};
    json.object();
    for (const FactName& name : fact_names) {
        const json::Member* const found = find(*inner, name.wire);
        if (!found || found->kind == json::Kind::null) continue;
        json.member(name.fact, base::RawJson{found->raw});
    }
    json.end();
    beat.facts = memory_;
    return beat;
}

void PanelServer::begin(base::JsonWriter& json, std::string_view id, std::string_view type) const
{
    const std::string made = id.empty() ? new_id(environment_) : std::string{};
    json.object().member("id", id.empty() ? std::string_view{made} : id).member("type", type);
    write_time(json, "timestamp", now(environment_));
}

bool PanelServer::encode(const Command& command, std::string& out)
{
    if (command.id.empty()) return false; // its answer could not be matched to it
    const std::string_view params = command.params.empty() ? "{}" : command.params;
    if (!is_object(params)) return false;
    const bool target_in_params = [&] {
        std::string why;
        if (command.target.empty() || !may_have(params, "serverId")) return false;
        const auto members = json::split(params, why);
        return members && value(*members, "serverId").text == command.target;
    }();
    base::JsonWriter json{out};
    begin(json, command.id, "command");
    write_field(json, "agentId", agent_id_, max_length::id);
    if (!target_in_params) write_field(json, "serverId", command.target, max_length::id);
    write_field(json, "action", command.action, max_length::action);
    if (command.timeout) {
        std::string seconds;
        append_seconds(seconds, *command.timeout);
        json.member("timeout", base::RawJson{seconds});
    }
    if (params != "{}") json.member("payload", base::RawJson{params});
    json.end();
    return true;
}

bool PanelServer::encode(const Ping& ping, std::string& out)
{
    base::JsonWriter json{out};
    begin(json, ping.id, "ping");
    json.end();
    return true;
}

} // namespace

std::unique_ptr<ServerCodec> make_panel_server(ServerSetup setup)
{
    return std::make_unique<PanelServer>(std::move(setup));
}

} // namespace agenthost::wire
