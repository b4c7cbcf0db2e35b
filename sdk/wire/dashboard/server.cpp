// The server's end for agents of the dashboard protocol. (client.hpp is for dashboards.)
#include "dashboard.hpp"
#include "envelope.hpp"
#include "output.hpp"
#include "result.hpp"
#include "wire/codes.hpp"
#include "wire/json/numbers.hpp"
#include "wire/session/outcomes.hpp"

#include "base/base64.hpp"

#include <algorithm>
#include <array>

namespace agenthost::wire {
namespace {

using namespace dashboard;

class DashboardServerCodec final : public ServerCodec {
public:
    explicit DashboardServerCodec(ServerSetup setup)
        : environment_{std::move(setup.environment)}, agent_id_{std::move(setup.agent_id)}
    {}

    FromAgent decode(std::string_view frame) override;
    bool encode(const Welcome&, std::string& out) override;
    bool encode(const Command&, std::string& out) override;
    bool encode(const Ping&, std::string&) override { return false; }
    bool encode(const Heartbeat&, std::string& out) override;

private:
    FromAgent hello(FieldReader&, std::span<const json::Member>);
    FromAgent status(FieldReader&, std::span<const json::Member>);
    FromAgent output(FieldReader&, std::span<const json::Member>);
    FromAgent response(FieldReader&);
    FromAgent event(FieldReader&, std::span<const json::Member>, std::int64_t at);
    FromAgent error(FieldReader&, std::int64_t at);
    bool write_flat(std::string& out, const Command&);

    Environment environment_;
    std::string agent_id_; // proven by the token; empty: the first frame contains it
    CommandBook commands_; // how much of their output has arrived
    std::string made_;     // storage for views of the last message
    Scratch scratch_;
};

FromAgent DashboardServerCodec::decode(std::string_view frame)
{
    Frame in;
    std::string why;
    if (!read_frame(frame, scratch_, in, why)) return Malformed{std::move(why), {}};
    const auto members = json::split(in.payload, why);
    if (!members) return Malformed{"payload: " + why, {}};
    FieldReader fields{*members, scratch_};

    if (in.type == "agent:connect") return hello(fields, *members);
    if (in.type == "command:status") return status(fields, *members);
    if (in.type == "terminal:output") return output(fields, *members);
    if (in.type == "response") return response(fields);
    if (in.type == "event") return event(fields, *members, in.at);
    if (in.type == "command:queue") return Event{"command_queue", in.payload, {}, in.at};
    if (in.type == "error") return error(fields, in.at);
    if (in.type == "progress") {
        const Progress progress{fields.needed("requestId", max_length::id), fields.raw("data")};
        if (!fields.problem.empty()) return Malformed{std::move(fields.problem), {}};
        return Progress{progress.id, progress.json.empty() ? "{}" : progress.json};
    }
    if (in.type == "heartbeat") {
        const json::Member* sequence = find(*members, "sequence");
        if (!sequence || sequence->kind != json::Kind::number || sequence->raw.size() > max_length::word)
            return Malformed{"sequence is not a number", {}};
        const json::Member* facts = find(*members, "facts");
        return Heartbeat{facts && facts->kind == json::Kind::object ? facts->raw : "{}", in.at,
                         sequence->raw};
    }
    return Nothing{}; // a type of a later version
}

FromAgent DashboardServerCodec::hello(FieldReader& fields, std::span<const json::Member> members)
{
    Hello hello;
    hello.agent_id = fields.needed("agentId", max_length::id);
    hello.name = fields.identifier("name", max_length::id);
    hello.version = fields.identifier("version", max_length::id);
    hello.platform = fields.identifier("platform", max_length::id);
    hello.capabilities = fields.raw("capabilities");
    const json::Member* list = find(members, "capabilities");
    if (fields.problem.empty() && !hello.capabilities.empty() && list->kind != json::Kind::array)
        fields.problem = "capabilities is not an array";
    if (!fields.problem.empty()) return Malformed{"agent:connect: " + fields.problem, {}};
    if (!agent_id_.empty() && hello.agent_id != agent_id_)
        return Refused{1008, "agentId is not the token's subject"};
    if (hello.capabilities == "[]") hello.capabilities = {};
    return hello;
}

FromAgent DashboardServerCodec::status(FieldReader& fields, std::span<const json::Member> members)
{
    const json::Member* member = find(members, "status");
    const std::string_view word = member ? member->text : std::string_view{};
    if (word == "queued" || word == "running") {
        made_.clear();
        base::JsonWriter{made_}.object().member("status", word).end();
        const std::string_view data = fields.raw("data");
        const Progress progress{fields.needed("commandId", max_length::id),
                                data.empty() ? std::string_view{made_} : data};
        if (!fields.problem.empty()) return Malformed{std::move(fields.problem), {}};
        return progress;
    }
    if (word != "completed" && word != "failed")
        return Malformed{"status must be queued, running, completed or failed", {}};
    const Result result = read_run_end(fields, members, word == "completed", made_);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), result.id};
    commands_.end(result.id);
    return result;
}

FromAgent DashboardServerCodec::output(FieldReader& fields, std::span<const json::Member> members)
{
    Stream stream;
    stream.id = fields.needed("commandId", max_length::id);
    const json::Member* data = find(members, "data");
    const json::Member* name = find(members, "stream");
    const json::Member* encoding = find(members, "encoding");
    const json::Member* gap = find(members, "dropped");
    const json::Member* position = find(members, "offset");
    std::uint64_t dropped = 0, offset = 0;
    const auto given = [](const json::Member* member) { return member && member->kind != json::Kind::null; };
    const auto check = [&](bool holds, const char* problem) {
        if (fields.problem.empty() && !holds) fields.problem = problem;
    };
    check(data && data->kind == json::Kind::string, "data is not a string");
    check(!given(name) || name->text == "stdout" || name->text == "stderr",
          "stream is neither stdout nor stderr");
    check(!given(gap) || read_whole(*gap, dropped), "dropped is not a number of bytes");
    check(!given(position) || read_whole(*position, offset), "offset is not a number of bytes");
    const bool base64 = given(encoding) && encoding->text == "base64";
    check(!given(encoding) || base64 || encoding->text == "utf-8" || encoding->text == "utf8",
          "encoding is neither utf-8 nor base64");
    made_.clear();
    check(!base64 || !data || base::append_from_base64(made_, data->text), "data is not base64");
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), {}};

    stream.channel = given(name) && name->text == "stderr" ? 2 : 1;
    stream.bytes = base64 ? std::string_view{made_} : scratch_.keep(*data);
    CommandBook::Channel& channel = commands_.of(stream.id).channels[stream.channel - 1];
    stream.offset = given(position) ? offset : channel.next + dropped;
    channel.next = stream.offset + stream.bytes.size();
    return stream;
}

FromAgent DashboardServerCodec::response(FieldReader& fields)
{
    Result result;
    result.id = fields.needed("requestId", max_length::id);
    commands_.end(result.id);
    const std::string_view status = fields.needed("status", max_length::word);
    const std::string_view data = fields.raw("data");
    if (status == "success") {
        if (!fields.problem.empty()) return Malformed{std::move(fields.problem), result.id};
        result.data = data;
        return result;
    }
    result.error.code = our_code(fields.identifier("code", max_length::word));
    result.error.message = fields.text("message", max_length::text);
    result.error.detail = fields.text("detail", max_length::text);
    result.error.data = data;
    const std::string_view outcome = fields.identifier("outcome", max_length::word);
    if (fields.problem.empty() && status != "error") fields.problem = "status is neither success nor error";
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), result.id};
    if (result.error.code.empty()) result.error.code = code::internal;
    if (result.error.message.empty()) result.error.message = result.error.code;
    result.outcome = outcome_of(outcome, result.error.code);
    return result;
}

FromAgent DashboardServerCodec::event(FieldReader& fields, std::span<const json::Member> members,
                                      std::int64_t at)
{
    const std::string_view topic = fields.needed("event", max_length::id);
    const std::string_view target = fields.identifier("target", max_length::id);
    const json::Member* data = find(members, "data");
    if (!fields.problem.empty()) return Malformed{"event: " + fields.problem, {}};
    const std::string_view json = data ? data->raw : "{}";
    const bool object = data && data->kind == json::Kind::object;
    std::string why;
    if (topic == "log" && object) {
        if (const auto inner = json::split(json, why)) {
            FieldReader of_log{*inner, scratch_};
            const Log log{of_log.text("level", max_length::word), of_log.text("message", max_length::text),
                          of_log.text("source", max_length::id), at};
            if (of_log.problem.empty() && !log.level.empty()) return log;
        }
    }
    return Event{topic, json, target, at};
}

// An error with a commandId or requestId answers it; any other is logged.
FromAgent DashboardServerCodec::error(FieldReader& fields, std::int64_t at)
{
    Result result;
    result.error.code = our_code(fields.needed("code", max_length::word));
    result.error.message = fields.text("message", max_length::text);
    result.error.detail = fields.text("detail", max_length::text);
    result.id = fields.identifier("commandId", max_length::id);
    if (!result.id.empty()) result.action = run_word;
    if (result.id.empty()) result.id = fields.identifier("requestId", max_length::id);
    if (!fields.problem.empty()) return Malformed{"error: " + fields.problem, {}};
    if (result.error.message.empty()) result.error.message = result.error.code;
    if (result.id.empty()) {
        made_ = std::string{result.error.code}.append(": ").append(result.error.message);
        return Log{"error", made_, {}, at};
    }
    result.outcome =
        result.action.empty() ? outcome_of(result.error.code) : run_outcome({}, result.error.code);
    commands_.end(result.id);
    return result;
}

bool DashboardServerCodec::encode(const Welcome& welcome, std::string& out)
{
    base::JsonWriter json{out};
    if (welcome.accepted) {
        open_frame(json, "connection:ack", now(environment_))
            .object()
            .member("connectionId", new_id(environment_));
        write_field(json, "message", welcome.message, max_length::text);
        // Output may continue before its command is repeated on this connection.
        json.member("encoding", "base64");
    } else {
        open_frame(json, "error", now(environment_)).object().member("code", auth_failed);
        json.member("message",
                    welcome.message.empty() ? auth_failed : clip(welcome.message, max_length::text));
        json.member("recoverable", false);
    }
    json.end().end();
    return true;
}

bool DashboardServerCodec::write_flat(std::string& out, const Command& command)
{
    const bool runs = command.action == run_word;
    std::string why;
    const auto params = json::split(command.params.empty() ? "{}" : command.params, why);
    if (!params || !command.target.empty() || find(*params, "requestId") || find(*params, "agentId"))
        return false;
    const json::Member* const given = find(*params, "commandId");
    if (runs && (command.id.empty() || (given && given->text != command.id))) return false;
    base::JsonWriter json{out};
    open_frame(json, command.action, now(environment_)).object();
    if (runs) json.member("commandId", clip(command.id, max_length::id));
    for (const json::Member& member : *params) {
        if ((command.timeout && member.key == "timeoutMs") || (runs && member.key == "commandId") ||
            (command.exact && member.key == "encoding"))
            continue;
        write_member(json, member);
    }
    if (command.timeout) json.member("timeoutMs", command.timeout->count());
    if (runs && command.exact) json.member("encoding", "base64");
    if (!runs && !command.id.empty() && !command.id.starts_with('~'))
        json.member("requestId", clip(command.id, max_length::id));
    json.end().end();
    return true;
}

bool DashboardServerCodec::encode(const Command& command, std::string& out)
{
    if (is_flat(command.action)) return write_flat(out, command);
    if (is_notice(command.action) || command.action.empty() || command.id.empty()) return false;
    const std::string_view params = command.params.empty() ? "{}" : command.params;
    if (!is_object(params)) return false;
    base::JsonWriter json{out};
    open_frame(json, command.action, now(environment_))
        .object()
        .member("requestId", clip(command.id, max_length::id));
    write_field(json, "target", command.target, max_length::id);
    json.member("params", base::RawJson{params});
    if (command.timeout) json.member("timeoutMs", command.timeout->count());
    if (command.exact) json.member("encoding", "base64");
    json.end().end();
    return true;
}

bool DashboardServerCodec::encode(const Heartbeat& heartbeat, std::string& out)
{
    const std::string_view sequence = heartbeat.id.empty() ? "0" : heartbeat.id; // as the agent wrote it
    base::JsonWriter json{out};
    open_frame(json, "heartbeat", now(environment_))
        .object()
        .member("sequence", base::RawJson{sequence})
        .end()
        .end();
    return true;
}

} // namespace

std::unique_ptr<ServerCodec> make_dashboard_server(ServerSetup setup)
{
    return std::make_unique<DashboardServerCodec>(std::move(setup));
}

} // namespace agenthost::wire
