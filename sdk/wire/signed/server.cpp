// The server's end: an invalid frame closes the connection with the reason that deployed servers use.
#include "envelope.hpp"
#include "payloads.hpp"
#include "signed.hpp"
#include "wire/codes.hpp"
#include "wire/json/canonical.hpp"
#include "wire/json/numbers.hpp"
#include "wire/session/outcomes.hpp"

#include <array>

namespace agenthost::wire {
namespace {

// The document's result for an unknown command.
constexpr std::string_view unknown_command = "unknown_command";
constexpr std::array<std::string_view, 1> status_member{"status"};

Refused refused(Fault fault)
{
    constexpr int bad_data = 1003, policy = 1008, try_later = 1013;
    switch (fault) {
    case Fault::json: return {bad_data, "invalid_json"};
    case Fault::agent: return {policy, "unknown_agent"};
    case Fault::timestamp: return {policy, "invalid_timestamp"};
    case Fault::nonce: return {policy, "invalid_nonce"};
    case Fault::full: return {try_later, "too_many_nonces"};
    default: return {policy, "invalid_signature"};
    }
}

class SignedServerCodec final : public ServerCodec {
public:
    explicit SignedServerCodec(ServerSetup setup) : setup_{std::move(setup)}, agent_id_{setup_.agent_id} {}

    FromAgent decode(std::string_view frame) override;
    // The protocol has no welcome: a refused agent's connection is closed.
    bool encode(const Welcome&, std::string&) override { return false; }
    bool encode(const Command&, std::string& out) override;
    bool encode(const Ping&, std::string&) override { return false; }
    bool encode(const Heartbeat&, std::string&) override { return false; }

private:
    FromAgent hello(const Envelope&);
    FromAgent result(FieldReader&, std::span<const json::Member>);
    FromAgent log(FieldReader&, std::span<const json::Member>, std::int64_t ts);

    ServerSetup setup_;
    std::string agent_id_; // proven by the upgrade or by the first verified frame
    std::string made_;     // storage for views of the last message
    Scratch scratch_;
};

FromAgent SignedServerCodec::hello(const Envelope& envelope)
{
    Hello hello;
    hello.agent_id = agent_id_;
    std::string why;
    if (const auto members = json::split(envelope.payload, why)) {
        FieldReader fields{*members, scratch_};
        hello.name = fields.identifier("hostname", max_length::id);
        hello.version = fields.identifier("version", max_length::id);
        if (!fields.problem.empty()) return Malformed{"auth: " + fields.problem, {}};
    }
    return hello;
}

FromAgent SignedServerCodec::result(FieldReader& fields, std::span<const json::Member> members)
{
    Result result;
    result.id = fields.identifier("requestId", max_length::id); // empty: it answers the one command in flight
    result.action = fields.identifier("command", max_length::action);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), {}};
    const json::Member* told = find(members, "result");
    const bool unknown = told && told->text == unknown_command;
    result.error.message = fields.text("error", max_length::text);
    if (fields.problem.empty() && result.error.message.empty() && !unknown) {
        // The data is in `data`; older agents and agents of third parties put it into `result`.
        result.data = fields.raw("data");
        if (result.data.empty() && told && told->kind != json::Kind::null) result.data = told->raw;
        return result;
    }
    result.error.code = fields.identifier("code", max_length::word);
    result.error.detail = fields.text("detail", max_length::text);
    result.error.data = fields.raw("data");
    const std::string_view outcome = fields.identifier("outcome", max_length::word);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), result.id};
    if (result.error.message.empty()) result.error.message = unknown_command;
    if (result.error.code.empty()) result.error.code = unknown ? code::unknown_action : code::internal;
    result.outcome = outcome_of(outcome, result.error.code);
    return result;
}

FromAgent SignedServerCodec::log(FieldReader& fields, std::span<const json::Member> members, std::int64_t ts)
{
    std::int64_t when = ts;
    if (const json::Member* time = find(members, "timestamp")) (void)read_time(*time, when);
    const std::string_view topic = fields.identifier("event", max_length::id);
    if (!topic.empty()) {
        Event event{topic, fields.raw("data"), fields.identifier("target", max_length::id), when};
        if (event.json.empty()) event.json = "{}";
        if (!fields.problem.empty()) return Malformed{std::move(fields.problem), {}};
        return event;
    }
    Log log{fields.text("level", max_length::word), fields.text("message", max_length::text),
            fields.text("source", max_length::id), when};
    if (log.level.empty()) log.level = "info";
    if (fields.problem.empty() && log.message.empty()) fields.problem = "message is missing";
    if (!fields.problem.empty()) return Malformed{"log: " + fields.problem, {}};
    return log;
}

FromAgent SignedServerCodec::decode(std::string_view frame)
{
    Envelope envelope;
    std::string why;
    if (const Fault fault = read_envelope(frame, scratch_, envelope, why); fault != Fault::none)
        return refused(fault);
    if (!agent_id_.empty() && envelope.agent_id != agent_id_) return refused(Fault::agent);
    // Fetched for each frame: no copy of the secret is kept, and revoking it ends the session.
    const auto secret = setup_.secret_of ? setup_.secret_of(envelope.agent_id) : std::nullopt;
    if (!secret || secret->empty()) return refused(Fault::agent);
    if (const Fault fault = verify(envelope, *secret, setup_.environment, setup_.nonces, why);
        fault != Fault::none)
        return refused(fault);
    if (agent_id_.empty()) agent_id_ = envelope.agent_id;

    if (envelope.type == "auth") return hello(envelope);
    const auto ts = static_cast<std::int64_t>(envelope.ts);
    if (envelope.type == "metrics") {
        made_.clear();
        if (!from_wire_metrics(envelope.payload, made_))
            return Malformed{"metrics: payload is not an object", {}};
        return Metrics{made_, ts};
    }
    if (envelope.type != "heartbeat" && envelope.type != "log" && envelope.type != "command_result")
        return Nothing{};
    const auto members = json::split(envelope.payload, why);
    if (envelope.type == "heartbeat" && !members) return Heartbeat{"{}", ts, {}}; // only its arrival matters
    if (!members) return Malformed{std::string{envelope.type} + ": payload: " + why, {}};
    if (envelope.type == "heartbeat") return Heartbeat{scratch_.object(*members, status_member), ts, {}};
    FieldReader fields{*members, scratch_};
    if (envelope.type == "log") return log(fields, *members, ts);
    return result(fields, *members);
}

bool SignedServerCodec::encode(const Command& command, std::string& out)
{
    const auto secret = setup_.secret_of && !agent_id_.empty() ? setup_.secret_of(agent_id_) : std::nullopt;
    if (!secret) return false;
    const std::string_view params = command.params.empty() ? "{}" : command.params;
    if (params.find_first_of('{') == std::string_view::npos) return false;
    std::string payload;
    base::JsonWriter json{payload};
    json.object().member("command", clip(command.action, max_length::action)).key("args");
    if (!write_canonical(json, params)) return false;
    write_field(json, "requestId", command.id, max_length::id);
    write_field(json, "target", command.target, max_length::id);
    if (command.timeout && command.timeout->count() > 0)
        json.member("timeoutMs", static_cast<double>(command.timeout->count()));
    json.end();
    return append_signed(out, "command", agent_id_, payload, *secret, setup_.environment);
}

} // namespace

std::unique_ptr<ServerCodec> make_signed_server(ServerSetup setup)
{
    return std::make_unique<SignedServerCodec>(std::move(setup));
}

} // namespace agenthost::wire
