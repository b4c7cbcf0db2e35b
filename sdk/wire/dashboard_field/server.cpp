// The server's end. The agent's: agent.cpp.
#include "dashboard_field.hpp"
#include "envelope.hpp"

#include "wire/codes.hpp"
#include "wire/dashboard/dashboard.hpp"
#include "wire/dashboard/envelope.hpp"
#include "wire/dashboard/output.hpp"
#include "wire/dashboard/result.hpp"
#include "wire/json/numbers.hpp"
#include "wire/session/answers.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace agenthost::wire {
namespace {

using dashboard::run_word;
using dashboard_field::Frame;
using dashboard_field::is_own_type;
using dashboard_field::open_frame;
using dashboard_field::usual_frame;
using dashboard_field::write_wrapped;

constexpr std::string_view interrupt_word = "command:interrupt";
constexpr std::string_view unauthorized = "UNAUTHORIZED";
// Parameters of a command that COMMAND_REQUEST has in another form.
constexpr std::array<std::string_view, 12> converted{
    "command", "argv", "commandId", "priority", "timeoutMs", "requestId", "agentId", "executionConstraints",
    "content", "args", "type",      "context"};

// The first string of a JSON array and its other elements, as written; nullopt: the array does not begin with
// a string.
struct Split {
    std::string_view first, rest;
};
std::optional<Split> split_first(std::string_view array)
{
    constexpr std::string_view blank = " \t\r\n";
    const std::size_t begin = array.find_first_not_of(blank, array.find('[') + 1);
    if (begin == array.npos || array[begin] != '"') return std::nullopt;
    std::size_t end = begin + 1;
    while (end < array.size() && array[end] != '"') end += array[end] == '\\' ? 2 : 1;
    if (end >= array.size()) return std::nullopt;
    const std::size_t next = array.find_first_not_of(blank, end + 1);
    if (next == array.npos) return std::nullopt;
    Split out{array.substr(begin, end + 1 - begin), {}};
    if (array[next] == ',') out.rest = array.substr(next + 1, array.find_last_of(']') - next - 1);
    return out;
}

class DashboardFieldServer final : public ServerCodec {
public:
    explicit DashboardFieldServer(ServerSetup setup)
        : environment_{setup.environment}, agent_id_{setup.agent_id}, document_{make_dashboard_server(
                                                                          std::move(setup))}
    {}

    FromAgent decode(std::string_view frame) override;
    bool encode(const Welcome&, std::string& out) override;
    bool encode(const Command&, std::string& out) override;
    bool encode(const Ping&, std::string& out) override;
    bool encode(const Heartbeat&, std::string&) override { return false; }

private:
    FromAgent hello(FieldReader&, std::span<const json::Member>);
    FromAgent ack(FieldReader&, std::span<const json::Member>);
    FromAgent output(FieldReader&, std::span<const json::Member>);
    FromAgent complete(FieldReader&, std::span<const json::Member>);
    FromAgent pong(std::span<const json::Member>, const Frame&);
    FromAgent error(FieldReader&, std::int64_t at);
    bool write_request(std::string& out, const Command&);
    bool write_cancel(std::string& out, const Command&);
    [[nodiscard]] bool foreign(std::string_view agent) const
    {
        return !agent.empty() && !agent_id_.empty() && agent != agent_id_ && agent != claimed_id_;
    }

    Environment environment_;
    // The token's subject, and the name in AGENT_CONNECT.
    std::string agent_id_, claimed_id_;
    std::string connect_id_; // of the AGENT_CONNECT frame, for its ACK
    std::unique_ptr<ServerCodec> document_;
    CommandBook commands_; // how much of their output has arrived
    std::string made_;     // storage for the views of the last message
    Scratch scratch_;
};

FromAgent DashboardFieldServer::decode(std::string_view frame)
{
    Frame in;
    std::string why;
    if (!dashboard_field::read_frame(frame, scratch_, in, why)) return Malformed{std::move(why), {}};
    if (!is_own_type(in.type)) return document_->decode(frame);
    const auto members = json::split(in.payload, why);
    if (!members) return Malformed{"payload: " + why, {}};
    FieldReader fields{*members, scratch_};
    if (in.type == "PONG") return pong(*members, in);
    if (in.type == "ERROR" || in.type == "AGENT_ERROR") return error(fields, in.at);
    if (in.type == "AGENT_CONNECT") {
        connect_id_ = in.id;
        return hello(fields, *members);
    }
    if (const std::string_view agent = fields.identifier("agentId", max_length::id);
        fields.problem.empty() && foreign(agent))
        fields.problem = "agentId is not this connection's";
    if (in.type == "COMMAND_ACK") return ack(fields, *members);
    if (in.type == "TERMINAL_OUTPUT") return output(fields, *members);
    if (in.type == "COMMAND_COMPLETE") return complete(fields, *members);
    if (in.type == "AGENT_HEARTBEAT" || in.type == "PING")
        return Malformed{std::string{in.type} + " is not for agents to send", {}};
    return Nothing{}; // a type of a later version
}

// The token's subject is the agent's id, whatever name AGENT_CONNECT has; the ACK assigns it.
FromAgent DashboardFieldServer::hello(FieldReader& fields, std::span<const json::Member> members)
{
    Hello hello;
    hello.agent_id = fields.needed("agentId", max_length::id);
    hello.name = fields.identifier("name", max_length::id);
    const std::string_view host = fields.identifier("hostMachine", max_length::id);
    hello.version = fields.identifier("version", max_length::id);
    hello.platform = fields.identifier("platform", max_length::id);
    if (!fields.problem.empty()) return Malformed{"AGENT_CONNECT: " + fields.problem, {}};
    if (hello.name.empty()) hello.name = host;
    claimed_id_ = hello.agent_id;
    if (agent_id_.empty()) agent_id_ = claimed_id_;
    hello.agent_id = agent_id_;
    const json::Member* const features = find(members, "features");
    if (features && features->kind == json::Kind::array && features->raw != "[]")
        hello.capabilities = features->raw;
    return hello;
}

FromAgent DashboardFieldServer::ack(FieldReader& fields, std::span<const json::Member> members)
{
    const std::string_view id = fields.needed("commandId", max_length::id);
    const json::Member* const word = find(members, "status");
    const json::Member* const position = find(members, "queuePosition");
    std::uint64_t place = 0;
    if (fields.problem.empty() && position && position->kind != json::Kind::null &&
        !read_whole(*position, place))
        fields.problem = "queuePosition is not a number";
    if (!fields.problem.empty()) return Malformed{"COMMAND_ACK: " + fields.problem, {}};
    const bool running = word && word->text == "EXECUTING";
    if (!running && !(word && (word->text == "QUEUED" || word->text == "RECEIVED")))
        return Malformed{"COMMAND_ACK: status is neither QUEUED nor EXECUTING", {}};
    made_.clear();
    base::JsonWriter json{made_};
    json.object().member("status", running ? "running" : "queued");
    if (!running && place > 0) json.member("position", place);
    json.end();
    return Progress{id, made_};
}

FromAgent DashboardFieldServer::output(FieldReader& fields, std::span<const json::Member> members)
{
    Stream stream;
    stream.id = fields.needed("commandId", max_length::id);
    const json::Member* const content = find(members, "content");
    const json::Member* const type = find(members, "streamType");
    const json::Member* const gap = find(members, "dropped");
    const json::Member* const position = find(members, "offset");
    std::uint64_t dropped = 0, offset = 0;
    const auto given = [](const json::Member* member) { return member && member->kind != json::Kind::null; };
    const auto check = [&](bool holds, const char* problem) {
        if (fields.problem.empty() && !holds) fields.problem = problem;
    };
    check(content && content->kind == json::Kind::string, "content is not a string");
    check(!given(type) || type->text == "STDOUT" || type->text == "STDERR",
          "streamType is neither STDOUT nor STDERR");
    check(!given(gap) || read_whole(*gap, dropped), "dropped is not a number of bytes");
    check(!given(position) || read_whole(*position, offset), "offset is not a number of bytes");
    if (!fields.problem.empty() || !content) return Malformed{"TERMINAL_OUTPUT: " + fields.problem, {}};
    stream.channel = given(type) && type->text == "STDERR" ? 2 : 1;
    stream.bytes = scratch_.keep(*content);
    CommandBook::Channel& channel = commands_.of(stream.id).channels[stream.channel - 1];
    stream.offset = given(position) ? offset : channel.next + dropped;
    channel.next = stream.offset + stream.bytes.size();
    return stream;
}

FromAgent DashboardFieldServer::complete(FieldReader& fields, std::span<const json::Member> members)
{
    const json::Member* const word = find(members, "status");
    const std::string_view status = word ? word->text : std::string_view{};
    if (fields.problem.empty() && status != "COMPLETED" && status != "FAILED" && status != "CANCELLED")
        fields.problem = "status must be COMPLETED, FAILED or CANCELLED";
    // -1 means no exit code.
    std::vector<json::Member> rest{members.begin(), members.end()};
    std::erase_if(rest, [](const json::Member& m) { return m.key == "exitCode" && m.raw.starts_with('-'); });
    FieldReader without{rest, scratch_};
    const std::string_view words = fields.text("error", max_length::text);
    Result result = dashboard::read_run_end(without, rest, status == "COMPLETED", made_);
    if (fields.problem.empty()) fields.problem = std::move(without.problem);
    if (!fields.problem.empty()) return Malformed{"COMMAND_COMPLETE: " + fields.problem, result.id};
    commands_.end(result.id);
    if (status == "CANCELLED" && !find(rest, "code") && result.outcome != Outcome::success &&
        !find(rest, "reason"))
        result.error.code = code::cancelled, result.outcome = Outcome::error;
    if (result.outcome != Outcome::success && !find(rest, "message"))
        result.error.message = words.empty() ? result.error.code : words;
    return result;
}

FromAgent DashboardFieldServer::pong(std::span<const json::Member> members, const Frame& frame)
{
    const json::Member* const echoed = find(members, "timestamp");
    std::int64_t ignored = 0;
    if (echoed && (!read_time(*echoed, ignored) || echoed->raw.size() > max_length::word))
        return Malformed{"PONG: timestamp is not a time in milliseconds", {}};
    return Heartbeat{"{}", frame.at, echoed ? echoed->raw : std::string_view{}};
}

FromAgent DashboardFieldServer::error(FieldReader& fields, std::int64_t at)
{
    const std::string_view code = fields.identifier("code", max_length::word);
    const std::string_view type = fields.identifier("errorType", max_length::word);
    const std::string_view message = fields.text("message", max_length::text);
    if (!fields.problem.empty()) return Malformed{"ERROR: " + fields.problem, {}};
    made_ = !code.empty() ? code : !type.empty() ? type : code::internal;
    if (!message.empty()) made_.append(": ").append(message);
    return Log{"error", made_, {}, at};
}

bool DashboardFieldServer::encode(const Welcome& welcome, std::string& out)
{
    base::JsonWriter json{out};
    if (welcome.accepted) {
        open_frame(json, environment_, "ACK").object().member("messageId", connect_id_);
        json.member("success", true).member("agentId", clip(agent_id_, max_length::id));
    } else {
        open_frame(json, environment_, "ERROR").object().member("code", unauthorized);
        json.member("message",
                    welcome.message.empty() ? unauthorized : clip(welcome.message, max_length::text));
    }
    json.end().end();
    return true;
}

bool DashboardFieldServer::write_request(std::string& out, const Command& command)
{
    std::string why;
    const auto params = json::split(command.params.empty() ? "{}" : command.params, why);
    if (!params || command.id.empty() || !command.target.empty()) return false;
    const json::Member* const id = find(*params, "commandId");
    const json::Member* const line = find(*params, "command");
    const json::Member* const argv = find(*params, "argv");
    const bool has_argv = argv && argv->kind == json::Kind::array;
    const auto words = has_argv ? split_first(argv->raw) : std::nullopt;
    const bool has_line = !has_argv && line && line->kind == json::Kind::string;
    if ((!words && !has_line) || (id && id->text != command.id)) return false;
    const json::Member* const priority = find(*params, "priority");
    const std::string_view word = priority ? priority->text : std::string_view{};

    out.reserve(out.size() + command.params.size() + usual_frame);
    base::JsonWriter json{out};
    open_frame(json, environment_, "COMMAND_REQUEST")
        .object()
        .member("commandId", clip(command.id, max_length::id));
    json.member("content", base::RawJson{words ? words->first : line->raw});
    json.array("args").raw_elements(words ? words->rest : std::string_view{}).end();
    json.member("priority", word == "urgent" || word == "high" ? 0 : word == "low" ? 2 : 1);
    const json::Member* const limit = find(*params, "timeoutMs");
    if (command.timeout)
        json.object("executionConstraints").member("timeLimitMs", command.timeout->count()).end();
    else if (limit && limit->kind == json::Kind::number)
        json.object("executionConstraints").member("timeLimitMs", base::RawJson{limit->raw}).end();
    for (const json::Member& member : *params)
        if (std::ranges::find(converted, member.key) == converted.end()) write_member(json, member);
    json.end().end();
    return true;
}

bool DashboardFieldServer::write_cancel(std::string& out, const Command& command)
{
    std::string why;
    const auto params = json::split(command.params.empty() ? "{}" : command.params, why);
    const json::Member* const id = params ? find(*params, "commandId") : nullptr;
    if (!id || id->kind != json::Kind::string || !command.target.empty()) return false;
    const json::Member* const force = find(*params, "force");
    const bool forced = force && force->raw == "true";
    base::JsonWriter json{out};
    open_frame(json, environment_, "COMMAND_CANCEL").object().member("commandId", base::RawJson{id->raw});
    json.member("reason", "interrupted").member("force", forced);
    if (!command.id.starts_with('~')) write_field(json, "requestId", command.id, max_length::id);
    json.end().end();
    return true;
}

bool DashboardFieldServer::encode(const Command& command, std::string& out)
{
    if (command.action == run_word) return write_request(out, command);
    if (command.action == interrupt_word) return write_cancel(out, command);
    if (is_own_type(command.action)) return false;
    std::string frame;
    if (!document_->encode(command, frame)) return false;
    write_wrapped(out, environment_, frame);
    return true;
}

bool DashboardFieldServer::encode(const Ping&, std::string& out)
{
    base::JsonWriter json{out};
    open_frame(json, environment_, "PING")
        .object()
        .member("timestamp", static_cast<double>(now(environment_)));
    json.end().end();
    return true;
}

} // namespace

void write_dashboard_field_error(std::string& out, std::int64_t at, std::string_view code,
                                 std::string_view why)
{
    // Errors are never answered, so any id will do.
    const Environment environment{.utc_ms = [at] { return at; },
                                  .uuid = [at] { return "error-" + std::to_string(at); }};
    base::JsonWriter json{out};
    open_frame(json, environment, "ERROR").object().member("code", clip(code, max_length::word));
    write_field(json, "message", why, max_length::text);
    json.end().end();
}

std::unique_ptr<ServerCodec> make_dashboard_field_server(ServerSetup setup)
{
    return std::make_unique<DashboardFieldServer>(std::move(setup));
}

} // namespace agenthost::wire
