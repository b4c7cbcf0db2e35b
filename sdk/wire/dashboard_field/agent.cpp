// The agent's end. The server's: server.cpp.
#include "dashboard_field.hpp"
#include "envelope.hpp"

#include "wire/codes.hpp"
#include "wire/dashboard/dashboard.hpp"
#include "wire/dashboard/envelope.hpp"
#include "wire/dashboard/output.hpp"
#include "wire/dashboard/result.hpp"
#include "wire/json/numbers.hpp"
#include "wire/session/answers.hpp"

#include "base/trim.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <utility>

namespace agenthost::wire {
namespace {

using dashboard::run_word;
using dashboard_field::Frame;
using dashboard_field::is_own_type;
using dashboard_field::open_frame;
using dashboard_field::usual_frame;
using dashboard_field::write_wrapped;

constexpr std::string_view interrupt_word = "command:interrupt";
// Members of COMMAND_REQUEST that the document's parameters name differently or lack.
constexpr std::array<std::string_view, 11> request_members{
    "content",   "args",    "priority", "executionConstraints", "type", "context", "agentId", "requestId",
    "timeoutMs", "command", "argv"};

// 0 is high; the document uses words.
std::string_view priority_word(std::uint64_t priority)
{
    return priority == 0 ? "high" : priority == 1 ? "normal" : "low";
}

// Remembers when commands began, for executionTime. Bounded: 256; a forgotten command's time is 0.
class StartTimes {
public:
    void begin(std::string_view id, std::int64_t at)
    {
        if (began_.size() >= CommandBook::max_commands) began_.pop_front();
        began_.emplace_back(id, at);
    }
    std::int64_t take(std::string_view id, std::int64_t now)
    {
        const auto found = std::ranges::find(began_, id, &std::pair<std::string, std::int64_t>::first);
        if (found == began_.end()) return 0;
        const std::int64_t at = found->second;
        began_.erase(found);
        return std::max<std::int64_t>(0, now - at);
    }

private:
    std::deque<std::pair<std::string, std::int64_t>> began_;
};

class DashboardFieldAgent final : public AgentCodec {
public:
    explicit DashboardFieldAgent(AgentSetup setup)
        : environment_{setup.environment}, document_{make_dashboard_agent(std::move(setup))}
    {}

    Opening opening(const Hello&) override;
    std::string hello(const Hello&) override;
    FromServer decode(std::string_view frame, bool authenticating) override;
    bool encode(const Result&, std::string& out) override;
    bool encode(const Progress&, std::string& out) override;
    bool encode(const Stream&, std::string& out) override;
    std::size_t fitting(const Stream&) const override;
    // The server answers unknown frames with an error.
    bool encode(const Event&, std::string&) override { return false; }
    bool encode(const Heartbeat&, std::string& out) override;
    bool encode(const Metrics&, std::string&) override { return false; }
    bool encode(const Log&, std::string&) override { return false; }

private:
    FromServer welcome_due(const Frame&);
    FromServer error(const Frame&, bool authenticating);
    FromServer ping(const Frame&);
    FromServer new_token(const Frame&);
    FromServer request(const Frame&, std::string_view whole);
    FromServer refuse_unreadable(std::string_view frame, std::string reason);
    FromServer cancel(const Frame&);
    FromServer refuse(std::string_view command_id, std::string reason);
    void write_params(std::span<const json::Member> payload, std::string_view content,
                      std::optional<milliseconds> timeout);
    void open_command_frame(base::JsonWriter&, std::string_view type, std::string_view command_id) const;

    Environment environment_;
    std::unique_ptr<AgentCodec> document_;
    // Assigned by the server.
    std::string agent_id_;
    CommandBook commands_;
    StartTimes started_;
    Scratch scratch_;
    // Storage for the views of the last message; the id of a rejected COMMAND_REQUEST.
    std::string made_id_, made_params_, refused_id_;
};

Opening DashboardFieldAgent::opening(const Hello& hello)
{
    agent_id_ = hello.agent_id;
    (void)document_->opening(hello);
    Opening out;
    if (!hello.credential.empty() && fits_a_header(hello.credential))
        out.headers.emplace_back("Authorization", std::string{"Bearer "}.append(hello.credential));
    return out;
}

std::string DashboardFieldAgent::hello(const Hello& hello)
{
    agent_id_ = hello.agent_id;
    const std::string_view host = hello.name.empty() ? hello.agent_id : hello.name;
    std::string out;
    base::JsonWriter json{out};
    open_frame(json, environment_, "AGENT_CONNECT")
        .object()
        .member("agentId", clip(hello.agent_id, max_length::id));
    write_field(json, "name", host, max_length::id);
    json.member("agentType", "CUSTOM").member("version", clip(hello.version, max_length::id));
    json.member("hostMachine", clip(host, max_length::id)).object("capabilities").member("maxTokens", 0);
    json.member("supportsInterrupt", true).member("supportsTrace", false).end();
    write_field(json, "platform", hello.platform, max_length::id);
    if (!hello.capabilities.empty()) json.member("features", base::RawJson{hello.capabilities});
    json.end().end();
    return out;
}

// Answered by COMMAND_COMPLETE if it has a command's id; otherwise only counted.
FromServer DashboardFieldAgent::refuse(std::string_view command_id, std::string reason)
{
    refused_id_ = command_id;
    return Malformed{std::move(reason), refused_id_};
}

// Of a COMMAND_REQUEST that cannot be read, with its commandId if that can be.
FromServer DashboardFieldAgent::refuse_unreadable(std::string_view frame, std::string reason)
{
    const auto text_of = [](std::span<const json::Member> members, std::string_view key) {
        const json::Member* const found = find(members, key);
        return found ? found->text : std::string_view{};
    };
    const auto outer = json::salvage(frame);
    if (!outer || text_of(*outer, "type") != "COMMAND_REQUEST") return refuse({}, std::move(reason));
    const json::Member* const payload = find(*outer, "payload");
    const auto inner = payload ? json::salvage(payload->raw) : std::nullopt;
    std::string_view id = inner ? text_of(*inner, "commandId") : std::string_view{};
    if (id.size() > max_length::id || id.find('\0') != id.npos) id = {};
    return refuse(id, std::move(reason));
}

FromServer DashboardFieldAgent::decode(std::string_view frame, bool authenticating)
{
    Frame in;
    std::string why;
    const bool good = dashboard_field::read_frame(frame, scratch_, in, why);
    if (!good && authenticating) return Malformed{std::move(why), {}};
    if (!good) return refuse_unreadable(frame, std::move(why));
    if (in.type == "ERROR") return error(in, authenticating);
    if (authenticating) return welcome_due(in);
    if (in.type == "PING") return ping(in);
    if (in.type == "TOKEN_REFRESH") return new_token(in);
    if (in.type == "COMMAND_REQUEST") return request(in, frame);
    if (in.type == "COMMAND_CANCEL") return cancel(in);
    if (is_own_type(in.type)) return Nothing{}; // an ACK, a mirrored frame, a type of a later version
    const FromServer message = document_->decode(frame, false);
    // The document's welcome means nothing here.
    return std::holds_alternative<Welcome>(message) ? FromServer{Nothing{}} : message;
}

// The first ACK with an agentId, which assigns this agent's id.
FromServer DashboardFieldAgent::welcome_due(const Frame& frame)
{
    std::string why;
    const auto members = frame.type == "ACK" ? json::split(frame.payload, why) : std::nullopt;
    if (!members) return Nothing{};
    FieldReader fields{*members, scratch_};
    const std::string_view assigned = fields.identifier("agentId", max_length::id);
    if (!fields.problem.empty()) return Malformed{"ACK: " + fields.problem, {}};
    if (assigned.empty()) return Nothing{};
    agent_id_ = assigned;
    return Welcome{true, {}};
}

FromServer DashboardFieldAgent::error(const Frame& frame, bool authenticating)
{
    std::string why;
    const auto members = json::split(frame.payload, why);
    if (!members) return Malformed{"ERROR: " + why, {}};
    FieldReader fields{*members, scratch_};
    const std::string_view code = fields.identifier("code", max_length::word);
    const std::string_view message = fields.text("message", max_length::text);
    if (!fields.problem.empty()) return Malformed{"ERROR: " + fields.problem, {}};
    if (code == "UNAUTHORIZED" || code == dashboard::auth_failed) return Welcome{false, message};
    if (!authenticating) return Nothing{};
    return Malformed{
        "the server answered AGENT_CONNECT with " + std::string{code} + ": " + std::string{message}, {}};
}

// The PONG echoes the payload's timestamp, or else the envelope's.
FromServer DashboardFieldAgent::ping(const Frame& frame)
{
    std::string why;
    const auto members = json::split(frame.payload, why);
    if (!members) return Malformed{"PING: " + why, {}};
    const json::Member* const given = find(*members, "timestamp");
    std::int64_t ignored = 0;
    if (given && !read_time(*given, ignored))
        return Malformed{"PING: timestamp is not a time in milliseconds", {}};
    made_id_ = given ? given->raw : frame.timestamp;
    if (made_id_.size() > max_length::word) return Malformed{"PING: timestamp is too long", {}};
    return Ping{made_id_};
}

FromServer DashboardFieldAgent::new_token(const Frame& frame)
{
    std::string why;
    const auto members = json::split(frame.payload, why);
    if (!members) return Malformed{"TOKEN_REFRESH: " + why, {}};
    FieldReader fields{*members, scratch_};
    const std::string_view token = fields.needed("accessToken", max_length::secret);
    if (fields.problem.empty() && !fits_a_header(token))
        fields.problem = "accessToken has characters that a header cannot hold";
    if (!fields.problem.empty()) return Malformed{"TOKEN_REFRESH: " + fields.problem, {}};
    return NewCredential{token};
}

FromServer DashboardFieldAgent::request(const Frame& frame, std::string_view whole)
{
    std::string why;
    const auto members = json::split(frame.payload, why);
    if (!members) return refuse_unreadable(whole, "payload: " + why);
    const json::Member* const id = find(*members, "commandId");
    const std::string_view command_id =
        id && id->text.size() <= max_length::id ? id->text : std::string_view{};
    if (command_id.empty() || command_id.find('\0') != command_id.npos)
        return refuse({}, "commandId is missing, too long or has a NUL character");
    const json::Member* const agent = find(*members, "agentId");
    if (agent && agent->kind != json::Kind::null && agent->text != agent_id_)
        return refuse(command_id, "agentId is another agent's");
    const json::Member* const content = find(*members, "content");
    if (!content || content->kind != json::Kind::string || content->text.empty())
        return refuse(command_id, "content is missing");
    const json::Member* const args = find(*members, "args");
    if (args && args->kind != json::Kind::array && args->kind != json::Kind::null)
        return refuse(command_id, "args is not an array");
    std::uint64_t ignored = 0;
    const json::Member* const priority = find(*members, "priority");
    if (priority && priority->kind != json::Kind::null && !read_whole(*priority, ignored))
        return refuse(command_id, "priority is not a number from 0");

    Command command;
    if (const json::Member* const constraints = find(*members, "executionConstraints");
        constraints && constraints->kind == json::Kind::object) {
        const auto limits = json::split(constraints->raw, why);
        if (!limits || !read_timeout(find(*limits, "timeLimitMs"), command.timeout))
            return refuse(command_id, "executionConstraints.timeLimitMs is not a number of milliseconds");
    }
    write_params(*members, content->raw, command.timeout);
    if (!commands_.find(command_id)) { // a repeated command keeps its counters
        for (CommandBook::Channel& channel : commands_.of(command_id).channels)
            channel.known = true; // from 0
        started_.begin(command_id, now(environment_));
    }
    made_id_ = command_id;
    command.id = made_id_, command.action = run_word, command.params = made_params_;
    return command;
}

// Sets made_params_ to the document's parameters for a valid COMMAND_REQUEST.
void DashboardFieldAgent::write_params(std::span<const json::Member> payload, std::string_view content,
                                       std::optional<milliseconds> timeout)
{
    const json::Member* const args = find(payload, "args");
    const json::Member* const priority = find(payload, "priority");
    std::string_view arguments;
    if (args && args->kind == json::Kind::array) arguments = args->raw.substr(1, args->raw.size() - 2);
    made_params_.clear();
    base::JsonWriter json{made_params_};
    json.object();
    for (const json::Member& member : payload)
        if (std::ranges::find(request_members, member.key) == request_members.end())
            write_member(json, member);
    if (!base::trim_front(arguments, base::json_space).empty())
        json.array("argv").value(base::RawJson{content}).raw_elements(arguments).end();
    else
        json.member("command", base::RawJson{content});
    std::uint64_t level = 0;
    if (priority && read_whole(*priority, level)) json.member("priority", priority_word(level));
    if (timeout) json.member("timeoutMs", timeout->count());
    json.end();
}

// Answered only if it has a requestId, which is an extension of ours.
FromServer DashboardFieldAgent::cancel(const Frame& frame)
{
    std::string why;
    const auto members = json::split(frame.payload, why);
    if (!members) return refuse({}, "payload: " + why);
    FieldReader fields{*members, scratch_};
    const std::string_view request_id = fields.identifier("requestId", max_length::id);
    const std::string_view command_id = fields.needed("commandId", max_length::id);
    const json::Member* const force = find(*members, "force");
    if (!fields.problem.empty()) return refuse({}, "COMMAND_CANCEL: " + fields.problem);
    made_params_.clear();
    base::JsonWriter json{made_params_};
    json.object().member("commandId", command_id);
    if (force && force->kind == json::Kind::boolean) json.member("force", base::RawJson{force->raw});
    json.end();
    made_id_ = request_id.empty() ? "~" + new_id(environment_) : std::string{request_id};
    Command command;
    command.id = made_id_, command.action = interrupt_word, command.params = made_params_;
    return command;
}

// Opens a frame and its payload, {commandId, agentId, ...}.
void DashboardFieldAgent::open_command_frame(base::JsonWriter& json, std::string_view type,
                                             std::string_view command_id) const
{
    open_frame(json, environment_, type).object().member("commandId", clip(command_id, max_length::id));
    json.member("agentId", clip(agent_id_, max_length::id));
}

bool DashboardFieldAgent::encode(const Result& result, std::string& out)
{
    const bool refused = !refused_id_.empty() && result.action.empty() && result.id == refused_id_;
    if (!refused && result.action != run_word && !(result.action.empty() && commands_.find(result.id))) {
        if (result.id.starts_with('~')) return false; // a COMMAND_CANCEL without a requestId is not answered
        commands_.end(result.id);
        std::string frame;
        if (!document_->encode(result, frame)) return false;
        write_wrapped(out, environment_, frame);
        return true;
    }
    dashboard::RunEnd end = dashboard::run_end(result);
    const bool cancelled = end.reason == "interrupted" || end.code == code::cancelled;
    out.reserve(out.size() + result.data.size() + result.error.data.size() + usual_frame);
    base::JsonWriter json{out};
    open_command_frame(json, "COMMAND_COMPLETE", result.id);
    json.member("status", end.completed ? "COMPLETED" : cancelled ? "CANCELLED" : "FAILED");
    if (!end.completed) {
        const std::string_view message = !result.error.message.empty() ? result.error.message
                                         : !end.code.empty()           ? std::string_view{end.code}
                                                                       : std::string_view{end.reason};
        write_field(json, "error", message, max_length::text);
    }
    json.member("executionTime", started_.take(result.id, now(environment_))).member("tokensUsed", 0);
    // The dialect requires a code; -1 means that the command has none.
    if (end.exit_code.empty()) end.exit_code = end.completed ? "0" : "-1";
    dashboard::write_run_end(json, result, end);
    json.end().end();
    commands_.end(result.id);
    if (refused) refused_id_.clear(); // last: result.id may be a view of it
    return true;
}

bool DashboardFieldAgent::encode(const Progress& progress, std::string& out)
{
    std::string why;
    const auto members = is_object(progress.json) ? json::split(progress.json, why) : std::nullopt;
    const json::Member* const word = members ? find(*members, "status") : nullptr;
    const bool queued = word && word->text == "queued", running = word && word->text == "running";
    if (!queued && !running) {
        if (progress.id.starts_with('~') || commands_.find(progress.id)) return false;
        std::string frame;
        if (!document_->encode(progress, frame)) return false;
        write_wrapped(out, environment_, frame);
        return true;
    }
    const json::Member* const position = find(*members, "position");
    base::JsonWriter json{out};
    open_command_frame(json, "COMMAND_ACK", progress.id);
    json.member("status", queued ? "QUEUED" : "EXECUTING");
    std::uint64_t place = 0;
    if (queued && position && read_whole(*position, place)) json.member("queuePosition", place);
    json.end().end();
    return true;
}

std::size_t DashboardFieldAgent::fitting(const Stream& stream) const
{
    return fitting_text(commands_.find(stream.id), stream);
}

bool DashboardFieldAgent::encode(const Stream& stream, std::string& out)
{
    if (stream.channel != 1 && stream.channel != 2) return false;
    CommandBook::Command& command = commands_.of(stream.id);
    const auto [channel, dropped, goes_on] = place_chunk(command, stream);
    base::JsonWriter json{out};
    open_command_frame(json, "TERMINAL_OUTPUT", stream.id);
    json.member("streamType", stream.channel == 1 ? "STDOUT" : "STDERR");
    write_text(json, "content", channel, stream.bytes);
    json.member("sequence", ++command.sequence);
    if (goes_on) json.member("offset", stream.offset);
    if (dropped > 0) json.member("dropped", dropped);
    json.end().end();
    return true;
}

bool DashboardFieldAgent::encode(const Heartbeat& beat, std::string& out)
{
    if (beat.id.empty()) return false; // only PING is answered; WebSocket pings check the connection
    base::JsonWriter json{out};
    open_frame(json, environment_, "PONG").object().member("timestamp", base::RawJson{beat.id}).end().end();
    return true;
}

} // namespace

std::unique_ptr<AgentCodec> make_dashboard_field_agent(AgentSetup setup)
{
    return std::make_unique<DashboardFieldAgent>(std::move(setup));
}

} // namespace agenthost::wire
