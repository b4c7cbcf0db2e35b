// The agent's end: unsigned and replayed commands are not run.
#include "envelope.hpp"
#include "payloads.hpp"
#include "signed.hpp"
#include "wire/codes.hpp"
#include "wire/json/canonical.hpp"
#include "wire/json/numbers.hpp"
#include "wire/session/outcomes.hpp"

#include <algorithm>
#include <array>

namespace agenthost::wire {
namespace {

constexpr std::string_view ping = "ping"; // the document's command

// A server's answer to auth has no fixed form; these members can mean a refusal.
bool says_no(std::span<const json::Member> members)
{
    constexpr std::array<std::string_view, 5> yes{"success", "ok", "accepted", "authenticated", "valid"};
    constexpr std::array<std::string_view, 6> no{"error",   "failed",   "denied",
                                                 "refused", "rejected", "unauthorized"};
    for (const json::Member& member : members) {
        const bool about = std::find(yes.begin(), yes.end(), member.key) != yes.end();
        if (about && member.raw == "false") return true;
        if (member.key == "status" && std::find(no.begin(), no.end(), member.text) != no.end()) return true;
        if (member.key == "error" && member.kind != json::Kind::null && member.raw != "false") return true;
    }
    return false;
}

std::string error_text_of(std::span<const json::Member> members)
{
    for (const std::string_view key : {"error", "message", "reason"}) {
        const json::Member* member = find(members, key);
        if (member && !member->text.empty()) return std::string{clip(member->text, max_length::text)};
    }
    return {};
}

class SignedAgentCodec final : public AgentCodec {
public:
    explicit SignedAgentCodec(AgentSetup setup)
        : environment_{std::move(setup.environment)}, nonces_{setup.nonces}
    {}

    Opening opening(const Hello& hello) override
    {
        become(hello);
        return {};
    }
    std::string hello(const Hello&) override;
    FromServer decode(std::string_view frame, bool authenticating) override;
    bool encode(const Result&, std::string& out) override;
    bool encode(const Progress&, std::string&) override { return false; }
    bool encode(const Stream&, std::string&) override { return false; }
    bool encode(const Event&, std::string& out) override;
    bool encode(const Heartbeat&, std::string& out) override
    {
        return send("heartbeat", R"({"status":"alive"})", out);
    }
    bool encode(const Metrics&, std::string& out) override;
    bool encode(const Log&, std::string& out) override;

private:
    void become(const Hello& hello)
    {
        agent_id_ = hello.agent_id;
        secret_.set(hello.credential);
    }
    bool send(std::string_view type, std::string_view payload, std::string& out) const
    {
        return append_signed(out, type, agent_id_, payload, secret_.view(), environment_);
    }
    std::optional<FromServer> unsigned_answer(std::string_view frame, bool authenticating);
    FromServer answer(std::string_view payload, bool authenticating);
    FromServer command(const Envelope&);
    Malformed bad(std::string why, std::string_view word);
    static void write_success(base::JsonWriter&, std::string_view word, std::string_view data);

    Environment environment_;
    NonceBook* nonces_;
    std::string agent_id_;
    Secret secret_;
    Scratch scratch_;
    std::string id_, welcome_;      // storage for views of the last message
    std::string bad_id_, bad_word_; // the command of the last Malformed that must be answered
};

std::string SignedAgentCodec::hello(const Hello& hello)
{
    become(hello);
    std::string frame;
    send("auth",
         base::json_object("hostname", clip(hello.name, max_length::id), "version",
                           clip(hello.version, max_length::id)),
         frame);
    return frame;
}

// Deployed servers do not sign the answer to auth. It is accepted only while expected: a yes means no more
// than silence, and an attacker who can forge a no could also cut the connection.
std::optional<FromServer> SignedAgentCodec::unsigned_answer(std::string_view frame, bool authenticating)
{
    std::string why;
    const auto members = json::split(frame, why);
    if (!members) return std::nullopt;
    const json::Member* type = find(*members, "type");
    if (!type || !type->text.starts_with("auth") || find(*members, "signature")) return std::nullopt;
    if (!authenticating) return Nothing{};
    bool no = type->text.find("fail") != std::string_view::npos ||
              type->text.find("error") != std::string_view::npos || says_no(*members);
    welcome_ = error_text_of(*members);
    std::string_view payload;
    if (const json::Member* member = find(*members, "payload"); member && member->kind == json::Kind::object)
        payload = member->raw;
    if (!payload.empty()) {
        const auto inner = json::split(payload, why);
        no = no || !inner || says_no(*inner);
        if (inner && welcome_.empty()) welcome_ = error_text_of(*inner);
    }
    return Welcome{!no, welcome_};
}

FromServer SignedAgentCodec::answer(std::string_view payload, bool authenticating)
{
    std::string why;
    const auto members = json::split(payload, why);
    const bool no = members && says_no(*members);
    if (!no && !authenticating) return Nothing{};
    welcome_ = members ? error_text_of(*members) : std::string{};
    return Welcome{!no, welcome_};
}

Malformed SignedAgentCodec::bad(std::string why, std::string_view word)
{
    bad_id_ = id_;
    bad_word_ = word;
    return {std::move(why), id_};
}

FromServer SignedAgentCodec::command(const Envelope& envelope)
{
    id_.assign("~").append(envelope.nonce);
    std::string why;
    const auto members = json::split(envelope.payload, why);
    if (!members) return bad("payload: " + why, {});
    FieldReader fields{*members, scratch_};
    Command command;
    const std::string_view request_id = fields.identifier("requestId", max_length::id);
    if (!request_id.empty()) id_ = request_id;
    command.action = fields.needed("command", max_length::action);
    command.target = fields.identifier("target", max_length::id);
    if (fields.problem.empty() && !read_timeout(find(*members, "timeoutMs"), command.timeout))
        fields.problem = "timeoutMs is not a number of milliseconds";
    const json::Member* args = find(*members, "args");
    if (fields.problem.empty() && args && args->kind != json::Kind::null && args->kind != json::Kind::object)
        fields.problem = "args is not an object";
    if (!fields.problem.empty()) return bad(std::move(fields.problem), command.action);
    command.params = args && args->kind == json::Kind::object ? args->raw : "{}";
    command.id = id_;
    return command;
}

FromServer SignedAgentCodec::decode(std::string_view frame, bool authenticating)
{
    Envelope envelope;
    std::string why;
    if (read_envelope(frame, scratch_, envelope, why) != Fault::none) {
        if (auto answered = unsigned_answer(frame, authenticating)) return std::move(*answered);
        return Malformed{std::move(why), {}};
    }
    if (verify(envelope, secret_.view(), environment_, nonces_, why) != Fault::none)
        return Malformed{std::move(why), {}};

    if (envelope.agent_id != agent_id_) {
        if (envelope.type != "command") return Malformed{"agentId is another agent's", {}};
        FromServer meant = command(envelope);
        const auto* theirs = std::get_if<Command>(&meant);
        return bad("agentId is another agent's", theirs ? theirs->action : std::string_view{});
    }
    if (envelope.type == "command") return command(envelope);
    if (envelope.type.starts_with("auth")) return answer(envelope.payload, authenticating);
    return Nothing{}; // an acknowledgement, or a type of a later version
}

// `result` is a string for people, as servers in the field expect; what programs read is in `data`.
void SignedAgentCodec::write_success(base::JsonWriter& json, std::string_view word, std::string_view data)
{
    std::string canonical;
    if (word == ping)
        json.member("result", "pong");
    else if (data.empty())
        json.member("result", nullptr);
    else if (!json::append_canonical(canonical, data))
        json.member("result", nullptr)
            .member("error", "the answer is not JSON")
            .member("code", code::internal);
    else if (canonical.front() == '"')
        json.member("result", base::RawJson{canonical});
    else {
        write_readable(json.key("result"), canonical);
        json.member("data", base::RawJson{canonical});
    }
}

bool SignedAgentCodec::encode(const Result& result, std::string& out)
{
    const std::string_view word = result.action.empty() && result.id == bad_id_ ? bad_word_ : result.action;
    std::string payload;
    base::JsonWriter json{payload};
    json.object().member("command", clip(word, max_length::action));
    if (result.outcome == Outcome::success) {
        write_success(json, word, result.data);
    } else {
        const Error& error = result.error;
        json.member("result",
                    base::RawJson{error.code == code::unknown_action ? R"("unknown_command")" : "null"});
        const std::string_view message = !error.message.empty() ? error.message : error.code;
        write_field(json, "error", message.empty() ? "failed" : message, max_length::text);
        write_field(json, "code", error.code, max_length::word);
        write_field(json, "detail", error.detail, max_length::text);
        write_outcome(json, result);
        if (!error.data.empty()) write_canonical(json.key("data"), error.data);
    }
    if (!result.id.starts_with('~')) write_field(json, "requestId", result.id, max_length::id);
    json.end();
    return send("command_result", payload, out);
}

bool SignedAgentCodec::encode(const Event& event, std::string& out)
{
    std::string data;
    if (!json::append_canonical(data, event.json.empty() ? "{}" : event.json)) return false;
    std::string message{event.topic};
    if (!event.target.empty()) message.append(" of ").append(event.target);
    message.append(" ").append(data);
    std::string payload;
    base::JsonWriter json{payload};
    json.object().member("level", "info");
    write_field(json, "message", message, max_length::text);
    write_field(json, "source", event.topic.substr(0, event.topic.find('.')), max_length::id);
    write_field(json, "event", event.topic, max_length::id);
    json.member("data", base::RawJson{data});
    write_field(json, "target", event.target, max_length::id);
    write_timestamp(json, event.at);
    json.end();
    return send("log", payload, out);
}

bool SignedAgentCodec::encode(const Metrics& metrics, std::string& out)
{
    std::string payload;
    return to_wire_metrics(metrics.json, payload) && send("metrics", payload, out);
}

bool SignedAgentCodec::encode(const Log& log, std::string& out)
{
    std::string payload;
    base::JsonWriter json{payload};
    json.object().member("level", log.level.empty() ? "info" : clip(log.level, max_length::word));
    json.member("message", clip(log.message, max_length::text));
    write_field(json, "source", log.source, max_length::id);
    write_timestamp(json, log.at);
    json.end();
    return send("log", payload, out);
}

} // namespace

std::unique_ptr<AgentCodec> make_signed_agent(AgentSetup setup)
{
    return std::make_unique<SignedAgentCodec>(std::move(setup));
}

} // namespace agenthost::wire
