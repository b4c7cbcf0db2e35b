// Decoding and hello of the agent's end.
#include "agent.hpp"
#include "dashboard.hpp"
#include "wire/json/numbers.hpp"
#include "wire/session/answers.hpp"

#include <algorithm>
#include <array>

namespace agenthost::wire {
namespace {

using namespace dashboard;

// Payload members that are not parameters: ids of the envelope and, for a run, the encoding of its output.
constexpr std::array<std::string_view, 3> run_members{"requestId", "agentId", "encoding"};
constexpr std::array<std::string_view, 2> flat_members{"requestId", "agentId"};

std::string percent_encoded(std::string_view text)
{
    constexpr std::string_view plain = "-._~", digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (letter || plain.find(c) != std::string_view::npos)
            out += c;
        else
            out.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
    return out;
}

// Empty: none.
std::string id_problem(const json::Member* id)
{
    if (!id || id->kind == json::Kind::null) return "commandId is missing";
    if (id->kind != json::Kind::string) return "commandId is not a string";
    if (id->text.empty()) return "commandId is missing";
    if (id->text.size() > max_length::id)
        return "commandId is longer than " + std::to_string(max_length::id) + " bytes";
    return id->text.find('\0') == std::string_view::npos ? "" : "commandId has a NUL character";
}

} // namespace

Opening DashboardAgentCodec::opening(const Hello& hello)
{
    agent_id_ = hello.agent_id;
    Opening out;
    if (!hello.credential.empty()) out.query = "token=" + percent_encoded(hello.credential);
    return out;
}

std::string DashboardAgentCodec::hello(const Hello& hello)
{
    agent_id_ = hello.agent_id;
    std::string out;
    base::JsonWriter json{out};
    open_frame(json, "agent:connect", now(environment_))
        .object()
        .member("agentId", clip(hello.agent_id, max_length::id));
    write_field(json, "name", hello.name, max_length::id);
    write_field(json, "version", hello.version, max_length::id);
    write_field(json, "platform", hello.platform, max_length::id);
    json.member("capabilities", base::RawJson{hello.capabilities.empty() ? "[]" : hello.capabilities});
    json.end().end();
    return out;
}

// Rejected frames are answered with an error even without an id: the document has a code for it.
Malformed DashboardAgentCodec::bad(std::string reason, std::string_view command_id,
                                   std::string_view request_id)
{
    bad_.command_id = command_id;
    bad_.request_id = request_id;
    const std::string_view id = command_id.empty() ? request_id : command_id;
    bad_.id = id.empty() ? "~" + new_id(environment_) : std::string{id};
    return {std::move(reason), bad_.id};
}

Malformed DashboardAgentCodec::bad(std::string reason) { return bad(std::move(reason), {}, {}); }

// Of a rejected frame only the ids are used, if readable.
Malformed DashboardAgentCodec::bad(std::string reason, const Frame& frame)
{
    const auto members = json::salvage(frame.payload);
    if (!members) return bad(std::move(reason));
    FieldReader fields{*members, scratch_};
    const std::string_view request_id = fields.identifier("requestId", max_length::id);
    const std::string_view command_id =
        frame.type == run_word ? fields.identifier("commandId", max_length::id) : std::string_view{};
    return bad(std::move(reason), command_id, request_id);
}

FromServer DashboardAgentCodec::decode(std::string_view frame, bool authenticating)
{
    Frame in;
    std::string why;
    const bool good = read_frame(frame, scratch_, in, why);
    if (!good && (authenticating || in.type == "error")) return Malformed{std::move(why), {}};
    if (!good) return bad(std::move(why), in);

    if (in.type == "error") return error(in, authenticating);
    if (authenticating) return in.type == "connection:ack" ? welcome(in) : Nothing{};
    if (is_notice(in.type)) return Nothing{};
    return command(in);
}

// Our extension for the whole session: output may continue before its command is repeated on this connection.
FromServer DashboardAgentCodec::welcome(const Frame& frame)
{
    std::string why;
    if (const auto members = json::split(frame.payload, why)) {
        const json::Member* const encoding = find(*members, "encoding");
        exact_ = encoding && encoding->text == "base64";
    }
    return Welcome{true, {}};
}

FromServer DashboardAgentCodec::error(const Frame& frame, bool authenticating)
{
    std::string why;
    const auto members = json::split(frame.payload, why);
    if (!members) return Malformed{"error: " + why, {}};
    FieldReader fields{*members, scratch_};
    const std::string_view code = fields.identifier("code", max_length::word);
    const std::string_view message = fields.text("message", max_length::text);
    if (!fields.problem.empty()) return Malformed{"error: " + fields.problem, {}};
    if (code == auth_failed) return Welcome{false, message};
    if (!authenticating)
        return Nothing{}; // never answered: two ends that answer each other's errors would loop
    return Malformed{
        "the server answered agent:connect with " + std::string{code} + ": " + std::string{message}, {}};
}

FromServer DashboardAgentCodec::command(const Frame& frame)
{
    std::string why;
    const auto members = json::split(frame.payload, why);
    if (!members) return bad("payload: " + why, frame);
    FieldReader fields{*members, scratch_};
    return is_flat(frame.type) ? flat(frame, fields, *members) : action(frame, fields, *members);
}

FromServer DashboardAgentCodec::flat(const Frame& frame, FieldReader& fields,
                                     std::span<const json::Member> members)
{
    const bool runs = frame.type == run_word;
    const std::string_view request_id = fields.identifier("requestId", max_length::id);
    // The commandId is also a parameter: checked and copied, because the scratch memory has space for each
    // string only once.
    const json::Member* const id = find(members, "commandId");
    const json::Member* const encoding = find(members, "encoding");
    const bool base64 = encoding && encoding->text == "base64";
    std::string command_id;
    if (std::string problem = id_problem(id); problem.empty())
        command_id = id->text;
    else if (fields.problem.empty())
        fields.problem = std::move(problem);
    if (const json::Member* agent = find(members, "agentId");
        fields.problem.empty() && agent && agent->kind != json::Kind::null && agent->text != agent_id_)
        fields.problem = "agentId is another agent's";
    Command command;
    if (fields.problem.empty() && !read_timeout(find(members, "timeoutMs"), command.timeout))
        fields.problem = "timeoutMs is not a number of milliseconds";
    if (fields.problem.empty() && runs && encoding && encoding->kind != json::Kind::null && !base64 &&
        encoding->text != "utf-8" && encoding->text != "utf8")
        fields.problem = "encoding is neither utf-8 nor base64";
    // A refusal that contains the interrupted command's id would end that command.
    if (!fields.problem.empty())
        return bad(std::move(fields.problem), runs ? std::string_view{command_id} : std::string_view{},
                   request_id);

    if (runs && !commands_.find(command_id)) { // else a repeated command: keep its counters
        CommandBook::Command& made = commands_.of(command_id);
        made.base64 = base64;
        made.request_id = request_id;
        for (CommandBook::Channel& channel : made.channels) channel.known = true; // from 0
    }
    command.action = frame.type;
    command.params = runs ? scratch_.object(members, run_members) : scratch_.object(members, flat_members);
    made_id_ = runs ? command_id : request_id.empty() ? "~" + new_id(environment_) : std::string{request_id};
    command.id = made_id_;
    return command;
}

FromServer DashboardAgentCodec::action(const Frame& frame, FieldReader& fields,
                                       std::span<const json::Member> members)
{
    Command command;
    command.id = fields.needed("requestId", max_length::id);
    command.target = fields.identifier("target", max_length::id);
    const json::Member* params = find(members, "params");
    if (const json::Member* agent = find(members, "agentId");
        fields.problem.empty() && agent && agent->kind != json::Kind::null && agent->text != agent_id_)
        fields.problem = "agentId is another agent's";
    if (fields.problem.empty() && !read_timeout(find(members, "timeoutMs"), command.timeout))
        fields.problem = "timeoutMs is not a number of milliseconds";
    if (fields.problem.empty() && params && params->kind != json::Kind::object &&
        params->kind != json::Kind::null)
        fields.problem = "params is not an object";
    if (!fields.problem.empty()) return bad(std::move(fields.problem), {}, command.id);
    const json::Member* const encoding = find(members, "encoding");
    if (encoding && encoding->text == "base64")
        commands_.of(command.id).base64 = true; // the encoding of its output
    command.action = frame.type;
    command.params = params && params->kind == json::Kind::object ? params->raw : "{}";
    return command;
}

std::unique_ptr<AgentCodec> make_dashboard_agent(AgentSetup setup)
{
    return std::make_unique<DashboardAgentCodec>(std::move(setup));
}

} // namespace agenthost::wire
