// The server's end. The agent's is in agent.hpp.
#include "print.hpp"

#include "binary.hpp"
#include "envelope.hpp"
#include "ids.hpp"
#include "wire/codes.hpp"
#include "wire/json/fields.hpp"
#include "wire/session/answers.hpp"
#include "wire/session/outcomes.hpp"

#include "base/base64.hpp"
#include "base/hash.hpp"
#include "base/iso8601.hpp"

#include <array>
#include <utility>

namespace agenthost::wire {
namespace {

using namespace print;

constexpr std::array<std::string_view, 1> outcome_key{"outcome"};
// Capabilities, with their quotes.
constexpr std::string_view config_sync = R"("config-sync")", binary_word = R"("binary")";

class PrintServer final : public ServerCodec {
public:
    explicit PrintServer(ServerSetup setup) : agent_id_{std::move(setup.agent_id)} {}

    FromAgent decode(std::string_view frame) override;
    bool encode(const Welcome&, std::string& out) override;
    bool encode(const Command&, std::string& out) override;
    std::string take_binary() override { return std::exchange(binary_, {}); }
    bool encode(const Ping&, std::string&) override
    {
        return false;
    } // heartbeats are unsolicited; task_ping is a command
    bool encode(const Heartbeat&, std::string& out) override;

private:
    FromAgent hello(std::span<const json::Member>, FieldReader&);
    FromAgent heartbeat(std::span<const json::Member>, FieldReader&, std::string_view id);
    FromAgent result(std::span<const json::Member>, FieldReader&, std::string_view id);
    FromAgent log(std::span<const json::Member>, FieldReader&);
    FromAgent flat_result(std::span<const json::Member>, FieldReader&);
    static bool flat_config(const Command&, std::string& out);
    std::string announce(const Command&, std::span<const json::Member>);
    static void ack(std::string_view id, std::string_view message, std::string& out);

    std::string agent_id_; // the shop's id, proven by the upgrade or by the later register
    std::string register_id_;
    bool takes_binary_ = false;   // it has the capability `binary`
    std::string binary_;          // to follow the command that was encoded last
    bool merges_payload_ = false; // it treats the complete payload of a task_config as settings
    Scratch scratch_;
    std::string memory_, decimal_;
};

FromAgent PrintServer::decode(std::string_view frame)
{
    std::string why;
    const auto members = json::split(frame, why);
    if (!members) return Malformed{std::move(why), {}};
    scratch_.begin(frame);
    renew(memory_), renew(decimal_);
    FieldReader fields{*members, scratch_};
    const std::string_view id = envelope_id(*members, fields);
    const std::string_view type = fields.needed("type", max_length::action);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), id};
    if (type == "print_result") return flat_result(*members, fields);
    const bool known =
        type == "register" || type == "heartbeat" || type == "task_result" || type == "log_event";
    if (!known) return Nothing{}; // a type of a later version
    const json::Member payload = value(*members, "payload");
    if (type == "register" && !find(*members, "payload")) { // older agents put all members beside the type
        register_id_ = id;
        return hello(*members, fields);
    }
    if (payload.kind != json::Kind::object) return Malformed{"payload is missing or not an object", id};

    const auto inner = json::split(payload.raw, why);
    if (!inner) return Malformed{"payload: " + why, id};
    FieldReader more{*inner, scratch_};
    if (type == "register") {
        register_id_ = id;
        return hello(*inner, more);
    }
    if (type == "heartbeat") return heartbeat(*inner, more, id);
    if (type == "task_result") return result(*inner, more, id);
    return log(*inner, more);
}

FromAgent PrintServer::hello(std::span<const json::Member> payload, FieldReader& fields)
{
    Hello hello;
    hello.agent_id = agent_id_.empty() ? fields.needed("shopId", max_length::id)
                                       : fields.identifier("shopId", max_length::id);
    hello.version = fields.identifier("version", max_length::id);
    hello.platform = fields.identifier("platform", max_length::id);
    hello.arch = fields.identifier("arch", max_length::id);
    hello.name = fields.identifier("hostname", max_length::id);
    const json::Member capabilities = value(payload, "capabilities");
    if (!fields.problem.empty()) return Malformed{"register: " + fields.problem, register_id_};
    if (!capabilities.raw.empty() && capabilities.kind != json::Kind::array)
        return Malformed{"register: capabilities is not an array", register_id_};
    if (!agent_id_.empty() && !hello.agent_id.empty() && hello.agent_id != agent_id_)
        return Refused{1008, "shopId is not the one this connection was opened for"};
    if (agent_id_.empty()) agent_id_ = hello.agent_id;
    hello.agent_id = agent_id_;
    hello.capabilities = capabilities.raw;
    merges_payload_ = capabilities.raw.find(config_sync) != capabilities.raw.npos;
    takes_binary_ = capabilities.raw.find(binary_word) != capabilities.raw.npos;
    return hello;
}

FromAgent PrintServer::heartbeat(std::span<const json::Member> payload, FieldReader& fields,
                                 std::string_view id)
{
    const std::string_view shop = fields.identifier("shopId", max_length::id);
    const json::Member uptime = value(payload, "uptime"), devices = value(payload, "devices"),
                       telemetry = value(payload, "telemetry"), pushed = value(payload, "config_push_at"),
                       left_out = value(payload, "devicesLeftOut");
    std::string& problem = fields.problem;
    const auto demand = [&problem](bool holds, std::string_view what) {
        if (problem.empty() && !holds) problem = what;
    };
    demand(shop.empty() || agent_id_.empty() || shop == agent_id_, "shopId is not this connection's");
    demand(uptime.raw.empty() || uptime.kind == json::Kind::number, "uptime is not a number");
    demand(devices.raw.empty() || devices.kind == json::Kind::array, "devices is not an array");
    demand(telemetry.raw.empty() || telemetry.kind == json::Kind::object, "telemetry is not an object");
    if (!problem.empty()) return Malformed{"heartbeat: " + problem, id};

    std::string why;
    json::Member logs, status, load;
    if (!telemetry.raw.empty()) {
        const auto inner = json::split(telemetry.raw, why);
        if (!inner) return Malformed{"telemetry: " + why, id};
        logs = value(*inner, "logs"), status = value(*inner, "status"), load = value(*inner, "systemLoad");
    }
    base::JsonWriter json{memory_};
    json.object();
    const auto add = [&json](const base::JsonKey& fact, std::string_view raw) {
        if (!raw.empty()) json.member(fact, base::RawJson{raw});
    };
    add("uptime", uptime.raw);
    add("devices", with_decimal_ids(devices.raw, decimal_));
    if (left_out.kind == json::Kind::number) add("devices_left_out", left_out.raw);
    add("logs", logs.raw);
    add("agent_status", status.raw == R"("online")" ? R"("healthy")" : status.raw);
    add("system_load", load.raw);
    add("config_push_at", pushed.raw);
    json.end();
    return Heartbeat{memory_, 0, id};
}

FromAgent PrintServer::result(std::span<const json::Member> payload, FieldReader& fields, std::string_view id)
{
    Result result;
    result.id = id;
    if (const std::string_view own = fields.identifier("id", max_length::id); !own.empty()) result.id = own;
    const std::string_view status = fields.needed("status", max_length::word);
    const std::string_view message = fields.text("message", max_length::text);
    const json::Member meta = value(payload, "meta");
    if (status == "success" || status == "pong") {
        if (fields.problem.empty() && result.id.empty()) fields.problem = "id is missing";
        if (!fields.problem.empty()) return Malformed{std::move(fields.problem), result.id};
        const bool ponged = status == "pong";
        if (ponged) result.action = task_ping;
        const bool says_nothing = message == (ponged ? pong : nothing_to_say);
        result.data = with_message(says_nothing ? "" : message, meta.raw, memory_);
        return result;
    }
    result.error.code = fields.identifier("code", max_length::word);
    result.error.message = message;
    result.error.detail = fields.text("detail", max_length::text);
    if (fields.problem.empty() && status != "error") fields.problem = "status must be success, error or pong";
    if (fields.problem.empty() && result.id.empty()) fields.problem = "id is missing";
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), result.id};
    if (result.error.code.empty()) result.error.code = code::internal;
    result.outcome = outcome_of(result.error.code);
    result.error.data = meta.raw;
    if (meta.kind != json::Kind::object || !may_have(meta.raw, "outcome")) return result;

    std::string why;
    const auto inner = json::split(meta.raw, why);
    if (!inner) return result;
    const auto named = outcome_named(value(*inner, "outcome").text);
    if (!named || *named == Outcome::success) return result;
    result.outcome = *named;
    result.error.data = inner->size() == 1 ? std::string_view{} : scratch_.object(*inner, outcome_key);
    return result;
}

FromAgent PrintServer::flat_result(std::span<const json::Member> members, FieldReader& fields)
{
    Result result;
    result.id = fields.needed("taskId", max_length::id);
    const json::Member success = value(members, "success"), sent = value(members, "bytesSent");
    if (fields.problem.empty() && success.kind != json::Kind::boolean)
        fields.problem = "success is neither true nor false";
    if (fields.problem.empty() && success.raw == "false") {
        result.error.message = fields.text("error", max_length::text);
        result.error.code = fields.identifier("code", max_length::word);
        if (result.error.code.empty()) result.error.code = code::internal;
        result.outcome = outcome_of(fields.identifier("outcome", max_length::word), result.error.code);
    } else if (sent.kind == json::Kind::number) {
        base::JsonWriter{memory_}.object().member("bytesSent", base::RawJson{sent.raw}).end();
        result.data = memory_;
    }
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), result.id};
    return result;
}

FromAgent PrintServer::log(std::span<const json::Member> payload, FieldReader& fields)
{
    const std::int64_t at = base::from_iso8601(value(payload, "timestamp").text).value_or(0);
    const json::Member data = value(payload, "data");
    const std::string_view topic = fields.identifier("event", max_length::action);
    if (fields.problem.empty() && !topic.empty()) {
        Event event{topic, data.raw.empty() ? "{}" : data.raw, fields.identifier("target", max_length::id),
                    at};
        if (fields.problem.empty()) return event;
    }
    Log log;
    log.level = fields.identifier("level", max_length::word);
    log.message = fields.text("message", max_length::text);
    log.source = fields.identifier("source", max_length::id);
    log.at = at;
    if (fields.problem.empty() && log.message.empty()) fields.problem = "message is missing";
    if (!fields.problem.empty()) return Malformed{"log_event: " + fields.problem, {}};
    return log;
}

void PrintServer::ack(std::string_view id, std::string_view message, std::string& out)
{
    base::JsonWriter json{out};
    json.object().member("type", "ack");
    write_field(json, "id", id, max_length::id);
    json.object("payload").member("message",
                                  clip(message.empty() ? nothing_to_say : message, max_length::text));
    json.end().end();
}

bool PrintServer::encode(const Welcome& welcome, std::string& out)
{
    if (welcome.accepted) {
        ack(register_id_, welcome.message, out);
    } else {
        base::JsonWriter json{out};
        json.object().member("type", "error");
        write_field(json, "id", register_id_, max_length::id);
        json.object("payload").member("code", "AUTH_FAILED");
        write_field(json, "message", welcome.message, max_length::text);
        json.end().end();
    }
    return true;
}

bool PrintServer::encode(const Heartbeat& heartbeat, std::string& out)
{
    ack(heartbeat.id, {}, out);
    return true;
}

// Sends only the settings: the agent would treat an id or `updates` as a setting.
bool PrintServer::flat_config(const Command& command, std::string& out)
{
    std::string why;
    const std::string_view params = command.params.empty() ? "{}" : command.params;
    const auto members = json::split(params, why);
    if (!members) return false;
    std::string settings{raw_of(*members, "updates", json::Kind::object)};
    if (settings.empty()) {
        base::JsonWriter json{settings};
        json.object();
        for (const json::Member& member : *members)
            if (member.key != "id" && member.key != "shopId") write_member(json, member);
        json.end();
    }
    std::string decimal;
    base::JsonWriter json{out};
    json.object().member("type", "task_config");
    write_field(json, "id", command.id, max_length::id);
    json.member("payload", base::RawJson{with_decimal_ids(settings, decimal)}).end();
    return true;
}

// Puts the bytes of a task_print into a binary frame, and returns its params without them. Empty: they are
// sent as they are (a small job, an agent without the capability, text).
std::string PrintServer::announce(const Command& command, std::span<const json::Member> params)
{
    if (!takes_binary_ || command.action != task_print) return {};
    const json::Member *data = find(params, "data"), *encoding = find(params, "encoding");
    if (data == nullptr || encoding == nullptr || encoding->text != "base64" || find(params, "length") ||
        find(params, "sha256"))
        return {};
    const auto bytes = base::from_base64(data->text);
    // Other spellings of the same bytes would come out differently, and so as another command.
    if (!bytes || bytes->size() < min_binary || data->escaped() || base::base64(*bytes) != data->text)
        return {};
    if (!append_binary(binary_, command.id, *bytes)) return {};
    std::string out;
    base::JsonWriter json{out};
    json.object();
    for (const json::Member& m : params) {
        if (m.key == "data")
            json.member("data", "");
        else if (m.key == "encoding")
            json.member("encoding", binary_encoding);
        else
            write_member(json, m);
    }
    json.member("length", bytes->size()).member("sha256", base::hex(base::sha256(*bytes)));
    json.end();
    return out;
}

bool PrintServer::encode(const Command& command, std::string& out)
{
    binary_.clear();
    if (command.id.empty() || !command.target.empty()) return false; // the protocol cannot express a target
    std::string why;
    const std::string_view params = command.params.empty() ? "{}" : command.params;
    auto members = is_object(params) ? json::split(params, why) : std::nullopt;
    if (!members) return false;
    const std::string announced = announce(command, *members);
    if (!announced.empty()) members = json::split(announced, why);
    if (merges_payload_ && command.action == task_config) return flat_config(command, out);
    const bool task = command.action.starts_with(print::task);
    const bool wrap = command.action == task_config && !find(*members, "updates");

    std::string given, decimal; // the params without the members that we write
    {
        base::JsonWriter json{given};
        json.object();
        for (const json::Member& member : *members)
            if (member.key != "shopId" && !(task && member.key == "id")) write_member(json, member);
    }
    const std::string_view payload = members_of(with_decimal_ids(given, decimal));

    base::JsonWriter json{out};
    json.object().member("type", clip(command.action, max_length::action));
    write_field(json, "id", command.id, max_length::id);
    json.object("payload");
    if (task) json.member("id", clip(command.id, max_length::id));
    if (task && command.action != task_config && command.action != task_ping)
        write_field(json, "shopId", agent_id_, max_length::id);
    if (wrap)
        json.object("updates").raw_members(payload).end();
    else
        json.raw_members(payload);
    json.end().end();
    return true;
}

} // namespace

std::unique_ptr<ServerCodec> make_print_server(ServerSetup setup)
{
    return std::make_unique<PrintServer>(std::move(setup));
}

} // namespace agenthost::wire
