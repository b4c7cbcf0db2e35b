// The agent's end of the dashboard protocol.
#include "base64.hpp"
#include "codes.hpp"
#include "dashboard.hpp"
#include "dashboard_envelope.hpp"
#include "dashboard_output.hpp"
#include "dashboard_result.hpp"
#include "numbers.hpp"
#include "outcomes.hpp"

#include <algorithm>
#include <array>

namespace agenthost::wire {
namespace {

using namespace dashboard;

constexpr std::size_t most_facts = 64 << 10; // of a heartbeat; more is left out
constexpr std::array<std::string_view, 5> run_members{"commandId", "requestId", "agentId", "timeoutMs",
                                                      "encoding"};
constexpr std::array<std::string_view, 3> flat_members{"requestId", "agentId", "timeoutMs"};

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

// The part of a topic after the plugin's name.
std::string_view word_of(std::string_view topic)
{
    const auto dot = topic.find('.');
    return dot == std::string_view::npos ? topic : topic.substr(dot + 1);
}

bool is_id(std::string_view text)
{
    return !text.empty() && text.size() <= most::id && text.find('\0') == std::string_view::npos;
}

class DashboardAgentCodec final : public AgentCodec {
public:
    explicit DashboardAgentCodec(AgentSetup setup) : world_{std::move(setup.world)} {}

    Opening opening(const Hello&) override;
    std::string hello(const Hello&) override;
    FromServer decode(std::string_view frame, bool authenticating) override;
    bool encode(const Result&, std::string& out) override;
    bool encode(const Progress&, std::string& out) override;
    bool encode(const Stream&, std::string& out) override;
    std::size_t fitting(const Stream&) const override;
    bool encode(const Event&, std::string& out) override;
    bool encode(const Heartbeat&, std::string& out) override;
    bool encode(const Metrics&, std::string&) override { return false; } // facts of a heartbeat tell them
    bool encode(const Log&, std::string& out) override;

private:
    FromServer command(const Frame&);
    FromServer flat(const Frame&, FieldReader&, std::span<const json::Member>);
    FromServer action(const Frame&, FieldReader&, std::span<const json::Member>);
    FromServer error(const Frame&, bool authenticating);
    Malformed bad(std::string reason);
    Malformed bad(std::string reason, const Frame&);
    Malformed bad(std::string reason, std::string_view command_id, std::string_view request_id);
    void append_error(std::string& out, const Error&, std::string_view command_id,
                      std::string_view request_id);
    void append_status(std::string& out, std::string_view id, std::string_view status);
    bool append_answer(std::string& out, const Result&);

    // A frame that was refused, until its refusal is written.
    struct Bad {
        std::string id, command_id, request_id;
    };

    World world_;
    std::string agent_id_;
    std::uint64_t heartbeats_ = 0;
    CommandBook commands_;
    Bad bad_;
    std::string made_id_; // what a view of the last message points to
    Scratch scratch_;
};

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
    open_frame(out, "agent:connect", now(world_));
    out += R"({"agentId":)";
    json::append(out, clip(hello.agent_id, most::id));
    append_field(out, "name", hello.name, most::id);
    append_field(out, "version", hello.version, most::id);
    append_field(out, "platform", hello.platform, most::id);
    out += R"(,"capabilities":)";
    out += hello.capabilities.empty() ? "[]" : hello.capabilities;
    out += "}}";
    return out;
}

// What could not be taken is answered by an error, whether it had an id or not: the document has a code for it.
Malformed DashboardAgentCodec::bad(std::string reason, std::string_view command_id,
                                   std::string_view request_id)
{
    bad_.command_id = command_id;
    bad_.request_id = request_id;
    const std::string_view id = command_id.empty() ? request_id : command_id;
    bad_.id = id.empty() ? "~" + new_id(world_) : std::string{id};
    return {std::move(reason), bad_.id};
}

Malformed DashboardAgentCodec::bad(std::string reason) { return bad(std::move(reason), {}, {}); }

// Nothing but the ids matters in a frame that is refused, and they only if they can be read.
Malformed DashboardAgentCodec::bad(std::string reason, const Frame& frame)
{
    std::string why;
    const auto members = json::split(frame.payload, why);
    if (!members) return bad(std::move(reason));
    FieldReader fields{*members, scratch_};
    const std::string_view request_id = fields.identifier("requestId", most::id);
    const std::string_view command_id =
        frame.type == run_word ? fields.identifier("commandId", most::id) : std::string_view{};
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
    if (authenticating) return in.type == "connection:ack" ? FromServer{Welcome{true, {}}} : Nothing{};
    if (is_notice(in.type)) return Nothing{};
    return command(in);
}

FromServer DashboardAgentCodec::error(const Frame& frame, bool authenticating)
{
    std::string why;
    const auto members = json::split(frame.payload, why);
    if (!members) return Malformed{"error: " + why, {}};
    FieldReader fields{*members, scratch_};
    const std::string_view code = fields.identifier("code", most::word);
    const std::string_view message = fields.text("message", most::text);
    if (!fields.problem.empty()) return Malformed{"error: " + fields.problem, {}};
    if (code == auth_failed) return Welcome{false, message};
    if (!authenticating)
        return Nothing{}; // never answered: two ends that complain about each other would not stop
    return Malformed{
        "the server answered agent:connect with " + std::string{code} + ": " + std::string{message}, {}};
}

FromServer DashboardAgentCodec::command(const Frame& frame)
{
    std::string why;
    const auto members = json::split(frame.payload, why);
    if (!members) return bad("payload: " + why);
    FieldReader fields{*members, scratch_};
    return is_flat(frame.type) ? flat(frame, fields, *members) : action(frame, fields, *members);
}

FromServer DashboardAgentCodec::flat(const Frame& frame, FieldReader& fields,
                                     std::span<const json::Member> members)
{
    const bool runs = frame.type == run_word;
    const std::string_view request_id = fields.identifier("requestId", most::id);
    // Of an interrupt or input it is a parameter, checked but not read: the scratch memory has room for each string once.
    std::string_view command_id;
    if (runs)
        command_id = fields.needed("commandId", most::id);
    else if (const json::Member* of = find(members, "commandId"); !of || !is_id(of->text))
        fields.problem = fields.problem.empty() ? "commandId is missing or no id" : fields.problem;
    const json::Member* encoding = find(members, "encoding");
    const bool base64 = runs && encoding && encoding->text == "base64";
    Command command;
    if (const json::Member* agent = find(members, "agentId");
        fields.problem.empty() && agent && agent->kind != json::Kind::null && agent->text != agent_id_)
        fields.problem = "agentId is another agent's";
    if (fields.problem.empty() && !read_timeout(find(members, "timeoutMs"), command.timeout))
        fields.problem = "timeoutMs is not a number of milliseconds";
    if (fields.problem.empty() && runs && encoding && encoding->kind != json::Kind::null && !base64 &&
        encoding->text != "utf-8" && encoding->text != "utf8")
        fields.problem = "encoding is neither utf-8 nor base64";
    // A refusal that named the command of an interrupt would end that command.
    if (!fields.problem.empty())
        return bad(std::move(fields.problem), runs ? command_id : std::string_view{}, request_id);

    command.action = frame.type;
    if (runs) {
        command.id = command_id;
        command.params = scratch_.object(members, run_members);
        if (!commands_.find(command_id)) { // else a repeat: what was counted stays
            CommandBook::Command& made = commands_.of(command_id);
            made.base64 = base64;
            made.request_id = request_id;
            for (CommandBook::Channel& channel : made.channels) channel.known = true; // from 0
        }
        return command;
    }
    command.params = scratch_.object(members, flat_members);
    made_id_ = request_id.empty() ? "~" + new_id(world_) : std::string{request_id};
    command.id = made_id_;
    return command;
}

FromServer DashboardAgentCodec::action(const Frame& frame, FieldReader& fields,
                                       std::span<const json::Member> members)
{
    Command command;
    command.id = fields.needed("requestId", most::id);
    command.target = fields.identifier("target", most::id);
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
    command.action = frame.type;
    command.params = params && params->kind == json::Kind::object ? params->raw : "{}";
    return command;
}

void DashboardAgentCodec::append_error(std::string& out, const Error& error, std::string_view command_id,
                                       std::string_view request_id)
{
    const std::string_view code = wire_code(error.code.empty() ? code::internal : error.code);
    open_frame(out, "error", now(world_));
    out += R"({"code":)";
    json::append(out, clip(code, most::word));
    out += R"(,"message":)";
    json::append(out, clip(error.message.empty() ? code : error.message, most::text));
    out += recoverable(code) ? R"(,"recoverable":true)" : R"(,"recoverable":false)";
    append_field(out, "commandId", command_id, most::id);
    append_field(out, "requestId", request_id, most::id);
    append_field(out, "detail", error.detail, most::text);
    out += "}}";
}

// Up to and with the status: {"commandId":..,"requestId":..,"status":..
void DashboardAgentCodec::append_status(std::string& out, std::string_view id, std::string_view status)
{
    open_frame(out, "command:status", now(world_));
    out += R"({"commandId":)";
    json::append(out, clip(id, most::id));
    if (const auto* known = commands_.find(id)) append_field(out, "requestId", known->request_id, most::id);
    append_field(out, "status", status, most::word);
}

bool DashboardAgentCodec::append_answer(std::string& out, const Result& result)
{
    open_frame(out, "response", now(world_));
    out += R"({"requestId":)";
    json::append(out, clip(result.id, most::id));
    std::string_view data = result.data;
    if (result.outcome == Outcome::success) {
        out += R"(,"status":"success")";
    } else {
        out += R"(,"status":"error")";
        append_field(out, "code", wire_code(result.error.code), most::word);
        append_field(out, "message", result.error.message.empty() ? result.error.code : result.error.message,
                     most::text);
        append_field(out, "detail", result.error.detail, most::text);
        append_outcome(out, result);
        data = result.error.data;
    }
    if (!data.empty()) {
        out += R"(,"data":)";
        out += data;
    }
    out += "}}";
    return true;
}

bool DashboardAgentCodec::encode(const Result& result, std::string& out)
{
    const bool failed = result.outcome != Outcome::success;
    if (failed && result.action.empty() && !bad_.id.empty() && result.id == bad_.id) {
        append_error(out, result.error, bad_.command_id, bad_.request_id);
        bad_ = {};
        return true;
    }
    if (result.action == run_word || (result.action.empty() && commands_.find(result.id))) {
        const RunEnd end = run_end(result);
        append_status(out, result.id, end.completed ? "completed" : "failed");
        append_run_end(out, result, end);
        out += "}}";
        commands_.end(result.id);
        return true;
    }
    if (!result.id.starts_with('~')) return append_answer(out, result);
    if (failed) append_error(out, result.error, {}, {});
    return failed; // nobody waits to hear that it went well
}

bool DashboardAgentCodec::encode(const Progress& progress, std::string& out)
{
    const std::string_view json = progress.json.empty() ? "{}" : progress.json;
    std::string why;
    bool alone = false;
    std::string status;
    if (const auto members = json::split(json, why)) {
        const json::Member* member = find(*members, "status");
        if (member && (member->text == "queued" || member->text == "running")) status = member->text;
        alone = members->size() == 1;
    }
    if (!status.empty()) {
        append_status(out, progress.id, status);
    } else {
        open_frame(out, "progress", now(world_));
        out += R"({"requestId":)";
        json::append(out, clip(progress.id, most::id));
    }
    if (status.empty() || !alone) {
        out += R"(,"data":)";
        out += json;
    }
    out += "}}";
    return true;
}

std::size_t DashboardAgentCodec::fitting(const Stream& stream) const
{
    const CommandBook::Command* known = commands_.find(stream.id);
    if (known && known->base64) return std::min(stream.bytes.size(), fitting_base64);
    CommandBook::Channel channel;
    if (known && (stream.channel == 1 || stream.channel == 2)) channel = known->channels[stream.channel - 1];
    if (channel.known && stream.offset > channel.next) channel.tail_size = 0; // encode() drops it too
    return fitting_text(channel, stream.bytes);
}

bool DashboardAgentCodec::encode(const Stream& stream, std::string& out)
{
    if (stream.channel != 1 && stream.channel != 2) return false;
    CommandBook::Command& command = commands_.of(stream.id);
    CommandBook::Channel& channel = command.channels[stream.channel - 1];
    std::uint64_t dropped = 0;
    if (channel.known && stream.offset > channel.next) {
        dropped = stream.offset - channel.next + channel.tail_size; // the rest of its character is gone
        channel.tail_size = 0;
    }
    channel.known = true;
    channel.next = stream.offset + stream.bytes.size();

    open_frame(out, "terminal:output", now(world_));
    out += R"({"commandId":)";
    json::append(out, clip(stream.id, most::id));
    out += R"(,"data":)";
    if (command.base64) {
        out += '"';
        append_base64(out, stream.bytes);
        out += '"';
    } else {
        json::append(out, complete_text(channel, stream.bytes));
    }
    out += stream.channel == 1 ? R"(,"stream":"stdout","sequence":)" : R"(,"stream":"stderr","sequence":)";
    out += std::to_string(++command.sequence);
    if (command.base64) out += R"(,"encoding":"base64")";
    if (dropped > 0) out += R"(,"dropped":)" + std::to_string(dropped);
    out += "}}";
    return true;
}

bool DashboardAgentCodec::encode(const Event& event, std::string& out)
{
    const std::string_view json = event.json.empty() ? "{}" : event.json;
    const std::string_view word = word_of(event.topic);
    const std::int64_t at = event.at != 0 ? event.at : now(world_);
    if (word == "command_queue" && event.target.empty()) {
        open_frame(out, "command:queue", at);
        if (json.front() == '{')
            out += json;
        else
            out.append(R"({"queue":)").append(json).append("}");
        out += '}';
        return true;
    }
    open_frame(out, "event", at);
    out += R"({"event":)";
    json::append(out, clip(word, most::id));
    append_field(out, "target", event.target, most::id);
    out.append(R"(,"data":)").append(json).append("}}");
    return true;
}

bool DashboardAgentCodec::encode(const Heartbeat& heartbeat, std::string& out)
{
    open_frame(out, "heartbeat", heartbeat.at != 0 ? heartbeat.at : now(world_));
    out += R"({"sequence":)" + std::to_string(++heartbeats_);
    if (heartbeat.facts.size() > 2 && heartbeat.facts.size() <= most_facts)
        out.append(R"(,"facts":)").append(heartbeat.facts);
    out += "}}";
    return true;
}

bool DashboardAgentCodec::encode(const Log& log, std::string& out)
{
    open_frame(out, "event", log.at != 0 ? log.at : now(world_));
    out += R"({"event":"log","data":{"level":)";
    json::append(out, log.level.empty() ? "info" : clip(log.level, most::word));
    out += R"(,"message":)";
    json::append(out, clip(log.message, most::text));
    append_field(out, "source", log.source, most::id);
    out += "}}}";
    return true;
}

} // namespace

std::unique_ptr<AgentCodec> make_dashboard_agent(AgentSetup setup)
{
    return std::make_unique<DashboardAgentCodec>(std::move(setup));
}

} // namespace agenthost::wire
