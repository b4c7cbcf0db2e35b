// The server's end. The agent's: agent.cpp.
#include "panel_field.hpp"
#include "words.hpp"

#include "wire/codes.hpp"
#include "wire/json/fields.hpp"
#include "wire/panel/panel.hpp"
#include "wire/session/answers.hpp"

#include "base/iso8601.hpp"

#include <utility>

namespace agenthost::wire {
namespace {

using namespace panel_field;

class PanelFieldServer final : public ServerCodec {
public:
    explicit PanelFieldServer(ServerSetup setup)
        : environment_{setup.environment}, agent_id_{setup.agent_id}, document_{
                                                                          make_panel_server(std::move(setup))}
    {}

    FromAgent decode(std::string_view frame) override;
    bool encode(const Welcome&, std::string& out) override;
    bool encode(const Command&, std::string& out) override;
    // Agents of the dialect send heartbeats and do not know pings.
    bool encode(const Ping&, std::string&) override { return false; }
    bool encode(const Heartbeat&, std::string&) override { return false; }

private:
    FromAgent heartbeat(FieldReader& data, std::int64_t at) const;
    FromAgent system_info(FieldReader& data, std::span<const json::Member>) const;
    FromAgent error(FieldReader& data, std::int64_t at);
    FromAgent document(std::string_view frame);
    [[nodiscard]] bool foreign(std::string_view node_id) const
    {
        return !node_id.empty() && !agent_id_.empty() && node_id != agent_id_;
    }

    Environment environment_;
    std::string agent_id_;
    std::unique_ptr<ServerCodec> document_;
    Scratch scratch_;
    // Storage for the views of the last message.
    std::string made_;
};

const EventWord* event_word(std::string_view type)
{
    for (const EventWord& word : event_words)
        if (type == word.type) return &word;
    return nullptr;
}

FromAgent PanelFieldServer::decode(std::string_view frame)
{
    std::string why;
    const auto members = json::split(frame, why);
    if (!members) return Malformed{std::move(why), {}};
    const json::Member* const named = find(*members, "type");
    const std::string type{named ? clip(named->text, max_length::word) : std::string_view{}};
    const EventWord* const event = event_word(type);
    if (!event && type != "heartbeat" && type != "system_info" && type != "error") return document(frame);

    scratch_.begin(frame);
    const json::Member* const at = find(*members, "timestamp");
    const std::int64_t time = at ? base::from_iso8601(at->text).value_or(0) : 0;
    const json::Member* const given = find(*members, "data");
    const json::Member data = given ? *given : json::Member{};
    if (data.kind != json::Kind::object && (given != nullptr && data.kind != json::Kind::null))
        return Malformed{type + ": data is not an object", {}};
    const std::string_view raw = data.kind == json::Kind::object ? data.raw : "{}";
    const auto inner = json::split(raw, why);
    if (!inner) return Malformed{type + ": " + why, {}};
    FieldReader fields{*inner, scratch_};
    if (type == "heartbeat") return heartbeat(fields, time);
    if (type == "system_info") return system_info(fields, *inner);
    if (type == "error") return error(fields, time);
    const Event told{event->topic, raw, fields.identifier("serverId", max_length::id), time};
    if (!fields.problem.empty()) return Malformed{type + ": " + fields.problem, {}};
    return told;
}

// A frame of the document. An answer of status "processing" is progress.
FromAgent PanelFieldServer::document(std::string_view frame)
{
    FromAgent message = document_->decode(frame);
    const auto* const result = std::get_if<Result>(&message);
    if (!result || result->outcome != Outcome::success || !may_have(result->data, "status")) return message;
    std::string why;
    const auto members = json::split(result->data, why);
    const json::Member* const status = members ? find(*members, "status") : nullptr;
    if (!status || status->text != "processing") return message;
    return Progress{result->id, result->data};
}

FromAgent PanelFieldServer::heartbeat(FieldReader& data, std::int64_t at) const
{
    const std::string_view node = data.identifier("nodeId", max_length::id);
    const std::string_view facts = data.raw("facts");
    if (data.problem.empty() && foreign(node))
        data.problem = "nodeId is not the one this connection was opened for";
    if (data.problem.empty() && !facts.empty() && !is_object(facts)) data.problem = "facts is not an object";
    if (!data.problem.empty()) return Malformed{"heartbeat: " + data.problem, {}};
    return Heartbeat{facts.empty() ? "{}" : facts, at, {}};
}

FromAgent PanelFieldServer::system_info(FieldReader& data, std::span<const json::Member> members) const
{
    Hello hello;
    hello.agent_id = data.identifier("nodeId", max_length::id);
    hello.name = data.identifier("hostname", max_length::id);
    hello.platform = data.identifier("os", max_length::id);
    hello.arch = data.identifier("arch", max_length::id);
    hello.version = data.identifier("version", max_length::id);
    if (data.problem.empty() && foreign(hello.agent_id))
        data.problem = "nodeId is not the one this connection was opened for";
    if (hello.agent_id.empty()) hello.agent_id = agent_id_;
    if (data.problem.empty() && hello.agent_id.empty()) data.problem = "nodeId is missing";
    if (!data.problem.empty()) return Malformed{"system_info: " + data.problem, {}};
    const json::Member* const list = find(members, "capabilities");
    if (list && list->kind == json::Kind::array && list->raw != "[]") hello.capabilities = list->raw;
    return hello;
}

// Sent by an agent when a request without an id failed. Nothing waits for it, so it is logged.
FromAgent PanelFieldServer::error(FieldReader& data, std::int64_t at)
{
    const std::string_view code = data.identifier("code", max_length::word);
    const std::string_view message = data.text("message", max_length::text);
    if (!data.problem.empty()) return Malformed{"error: " + data.problem, {}};
    made_ = code.empty() ? code::internal : code;
    if (!message.empty()) made_.append(": ").append(message);
    return Log{"error", made_, {}, at};
}

bool PanelFieldServer::encode(const Welcome& welcome, std::string& out)
{
    if (!welcome.accepted) return false;
    base::JsonWriter json{out};
    json.object().member("type", "system_info_request");
    write_time(json, "timestamp", now(environment_));
    json.end();
    return true;
}

// Agents of the dialect read a command only under `data`.
bool PanelFieldServer::encode(const Command& command, std::string& out)
{
    std::string inner;
    if (!document_->encode(command, inner)) return false;
    base::JsonWriter json{out};
    json.object().member("type", "command").member("id", command.id);
    write_time(json, "timestamp", now(environment_));
    json.member("data", base::RawJson{inner}).end();
    return true;
}

} // namespace

std::unique_ptr<ServerCodec> make_panel_field_server(ServerSetup setup)
{
    return std::make_unique<PanelFieldServer>(std::move(setup));
}

} // namespace agenthost::wire
