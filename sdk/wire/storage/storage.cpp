#include "storage.hpp"

#include "wire/codes.hpp"
#include "wire/session/answers.hpp"
#include "wire/session/outcomes.hpp"

#include <array>

namespace agenthost::wire {
namespace {

// Messages prescribed by the protocol's document: sent verbatim; the plugin's own message becomes `detail`.
struct Wording {
    std::string_view code, message;
};
constexpr std::array wordings{Wording{code::file_not_found, "File not found"},
                              Wording{code::disk_full, "Disk full"},
                              Wording{code::network_error, "Network error"}};
constexpr std::string_view unknown_action = "Unknown action: "; // followed by its name

constexpr std::array<std::string_view, 2> envelope{"action", "request_id"};

std::string_view wording_of(std::string_view code)
{
    for (const Wording& wording : wordings) {
        if (wording.code == code) return wording.message;
    }
    return {};
}

// An agent that implements only the document sends no code.
std::string_view code_of(std::string_view message)
{
    for (const Wording& wording : wordings) {
        if (wording.message == message) return wording.code;
    }
    return message.starts_with(unknown_action) ? code::unknown_action : code::internal;
}

FromServer welcome(FieldReader& fields)
{
    const std::string_view status = fields.needed("status", max_length::word);
    const std::string_view message = fields.text("message", max_length::text);
    if (!fields.problem.empty()) return Malformed{"the answer to auth: " + fields.problem, {}};
    if (status != "ok" && status != "error")
        return Malformed{"the answer to auth: status is neither ok nor error", {}};
    return Welcome{status == "ok", message};
}

void write_error(base::JsonWriter& json, const Result& result)
{
    const Error& error = result.error;
    std::string_view message = error.message;
    std::string_view detail = error.detail;
    std::string made_message, made_detail;
    if (error.code == code::unknown_action && !result.action.empty()) {
        message = made_message.append(unknown_action).append(result.action);
    } else if (const std::string_view wording = wording_of(error.code);
               !wording.empty() && message != wording) {
        if (!message.empty())
            detail = detail.empty() ? message : made_detail.append(message).append(": ").append(detail);
        message = wording;
    }
    write_field(json, "message", message.empty() ? error.code : message, max_length::text);
    write_field(json, "code", error.code, max_length::word);
    write_field(json, "detail", detail, max_length::text);
    write_outcome(json, result);
}

// Sets fields.problem if the response breaks a rule.
void read_response(FieldReader& fields, Result& result)
{
    result.id = fields.needed("request_id", max_length::id);
    const std::string_view status = fields.needed("status", max_length::word);
    const std::string_view data = fields.raw("data");
    if (status == "success") {
        result.data = data;
        return;
    }
    result.error.message = fields.text("message", max_length::text);
    result.error.code = fields.identifier("code", max_length::word);
    result.error.detail = fields.text("detail", max_length::text);
    result.error.data = data;
    const std::string_view outcome = fields.identifier("outcome", max_length::word);
    if (fields.problem.empty() && status != "error") fields.problem = "status is neither success nor error";
    if (result.error.code.empty()) result.error.code = code_of(result.error.message);
    result.outcome = outcome_of(outcome, result.error.code);
}

FromAgent response(FieldReader& fields)
{
    FromAgent message{std::in_place_type<Result>}; // the most frequent message: built where it is returned
    Result& result = std::get<Result>(message);
    read_response(fields, result);
    if (!fields.problem.empty()) message = Malformed{fields.problem, result.id};
    return message;
}

FromAgent hello_from(FieldReader& fields)
{
    Hello hello;
    hello.credential = fields.needed("token", max_length::secret);
    hello.agent_id = fields.needed("agent_id", max_length::id);
    hello.name = fields.identifier("name", max_length::id);
    hello.version = fields.identifier("version", max_length::id);
    hello.platform = fields.identifier("platform", max_length::id);
    if (!fields.problem.empty()) return Malformed{"auth: " + fields.problem, {}};
    return hello;
}

} // namespace

std::string StorageAgentCodec::hello(const Hello& hello)
{
    return base::json_object("action", "auth", "token", hello.credential, "agent_id", hello.agent_id);
}

FromServer StorageAgentCodec::decode(std::string_view frame, bool authenticating)
{
    std::string why;
    if (const auto members = json::split(frame, why)) {
        scratch_.begin(frame);
        if (!authenticating) return command(*members);
        FieldReader fields{*members, scratch_};
        return welcome(fields);
    }
    const auto salvaged = authenticating ? std::nullopt : json::salvage(frame);
    if (!salvaged) return Malformed{std::move(why), {}};
    scratch_.begin(frame);
    return refused_with(command(*salvaged), std::move(why));
}

FromServer StorageAgentCodec::command(std::span<const json::Member> members)
{
    FieldReader fields{members, scratch_};
    Command command;
    command.id = fields.identifier("request_id", max_length::id);
    command.action = fields.identifier("action", max_length::action);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), command.id};
    // A late answer to auth, or an echo of our own frame: answering it would loop.
    if (command.action.empty() && find(members, "status")) return Nothing{};
    if (command.action == "response" || command.action == "auth") return Nothing{};
    if (command.action.empty()) return Malformed{"action is missing", command.id};
    if (command.id.empty()) return Malformed{"request_id is missing", {}};
    command.params = scratch_.object(members, envelope);
    return command;
}

bool StorageAgentCodec::encode(const Result& result, std::string& out)
{
    base::JsonWriter json{out};
    json.object().member("action", "response").member("request_id", result.id);
    std::string_view data = result.data;
    if (result.outcome == Outcome::success) {
        json.member("status", "success");
    } else {
        json.member("status", "error");
        write_error(json, result);
        data = result.error.data;
    }
    if (!data.empty()) json.member("data", base::RawJson{data});
    json.end();
    return true;
}

FromAgent StorageServerCodec::decode(std::string_view frame)
{
    std::string why;
    const auto members = json::split(frame, why);
    if (!members) return Malformed{std::move(why), {}};
    scratch_.begin(frame);
    FieldReader fields{*members, scratch_};
    const std::string_view action = fields.needed("action", max_length::action);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), {}};
    if (action == "response") return response(fields);
    if (action == "auth") return hello_from(fields);
    return Nothing{}; // a type of a later version
}

bool StorageServerCodec::encode(const Welcome& welcome, std::string& out)
{
    base::JsonWriter json{out};
    json.object().member("status", welcome.accepted ? "ok" : "error");
    write_field(json, "message", welcome.message, max_length::text);
    json.end();
    return true;
}

bool StorageServerCodec::encode(const Command& command, std::string& out)
{
    if (!command.target.empty()) return false; // the protocol cannot express a target
    std::string why;
    const auto params = json::split(command.params.empty() ? "{}" : command.params, why);
    if (!params || find(*params, "action") || find(*params, "request_id")) return false;
    base::JsonWriter json{out};
    json.object().member("action", command.action).member("request_id", command.id);
    for (const json::Member& member : *params) write_member(json, member);
    json.end();
    return true;
}

std::unique_ptr<AgentCodec> make_storage_agent(AgentSetup) { return std::make_unique<StorageAgentCodec>(); }
std::unique_ptr<ServerCodec> make_storage_server(ServerSetup)
{
    return std::make_unique<StorageServerCodec>();
}

} // namespace agenthost::wire
