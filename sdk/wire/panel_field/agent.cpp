// The agent's end. The server's: server.cpp.
#include "panel_field.hpp"
#include "requests.hpp"
#include "words.hpp"

#include "wire/codes.hpp"
#include "wire/json/fields.hpp"
#include "wire/panel/panel.hpp"
#include "wire/session/answers.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace agenthost::wire {
namespace {

using namespace panel_field;

// Frame types for actions that the document has a word for. Any other server_* or file_* type is itself the
// action's word.
struct ActionWord {
    std::string_view type, action;
};
constexpr std::array action_words{
    ActionWord{"server_create", "create_server"}, ActionWord{"server_start", "start_server"},
    ActionWord{"server_stop", "stop_server"},     ActionWord{"server_restart", "restart_server"},
    ActionWord{"server_delete", "delete_server"}, ActionWord{"file_read", "get_file"}};
constexpr std::array<std::string_view, 4> power_words{"start", "stop", "restart", "kill"};
// Prefix of ids made for unreadable requests without an id.
constexpr std::string_view refused_prefix = "~error~";
constexpr std::array<std::string_view, 1> without_server{"serverId"};
constexpr std::array<std::string_view, 1> without_action{"action"};

// An answer that comes back is not a request: two ends that answer each other would never stop.
bool is_request(std::string_view type)
{
    for (const EventWord& word : event_words)
        if (type == word.type) return false;
    return type.starts_with("server_") || type.starts_with("file_");
}

std::string_view action_of(std::string_view type)
{
    for (const ActionWord& word : action_words)
        if (type == word.type) return word.action;
    return type;
}

std::string percent_encoded(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '.' || c == '_' || c == '~';
        if (plain)
            out += c;
        else
            out.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
    return out;
}

// The frame type that answers a request of this type.
std::string_view answer_type(std::string_view request_type)
{
    if (request_type.starts_with("file_")) return "file_content";
    return request_type == "server_command" ? "server_output" : "server_status";
}

void write_failure(base::JsonWriter& json, std::string_view type, const Result& result)
{
    const std::string_view code = result.error.code.empty() ? code::internal : result.error.code;
    const std::string_view message = result.error.message.empty() ? code : result.error.message;
    if (type == "server_status") json.member("status", "error");
    if (type == "server_output") {
        write_field(json, "output", message, max_length::text);
        json.member("stream", "stderr");
    }
    if (type == "file_content") json.member("success", false);
    write_field(json, "error", message, max_length::text);
    write_field(json, "code", code, max_length::word);
    write_field(json, "detail", result.error.detail, max_length::text);
}

// Writes the result's data, except members that the answer repeats from the request, and adds members that
// readers of the type expect.
void write_success(base::JsonWriter& json, std::string_view type, const Request& request,
                   std::string_view data)
{
    std::string why;
    const auto members = is_object(data) ? json::split(data, why) : std::nullopt;
    const auto has = [&](std::string_view key) { return members && find(*members, key); };
    if (type == "file_content" && !has("success")) json.member("success", true);
    if (type == "server_output" && !has("stream")) json.member("stream", "stdout");
    if (type == "server_output" && !has("output")) {
        const json::Member* const message = members ? find(*members, "message") : nullptr;
        json.member("output", base::RawJson{message ? message->raw : R"("")"});
    }
    if (!members && !data.empty()) json.member("result", base::RawJson{data});
    if (!members) return;
    for (const json::Member& member : *members) {
        const bool repeated = (member.key == "serverId" && !request.server_id.empty()) ||
                              (member.key == "path" && !request.path.empty()) || member.key == "timestamp";
        if (!repeated) write_member(json, member);
    }
}

class PanelFieldAgent final : public AgentCodec {
public:
    explicit PanelFieldAgent(AgentSetup setup)
        : environment_{setup.environment}, document_{make_panel_agent(std::move(setup))}
    {}

    Opening opening(const Hello&) override;
    std::string hello(const Hello&) override;
    FromServer decode(std::string_view frame, bool authenticating) override;
    bool encode(const Result&, std::string& out) override;
    bool encode(const Progress&, std::string& out) override;
    bool encode(const Stream&, std::string&) override { return false; }
    bool encode(const Event&, std::string& out) override;
    bool encode(const Heartbeat&, std::string& out) override;
    bool encode(const Metrics&, std::string&) override { return false; }
    bool encode(const Log& log, std::string& out) override { return document_->encode(log, out); }

private:
    FromServer request(std::span<const json::Member>);
    FromServer refuse(std::string_view id, std::string reason);
    void translate(std::string_view type, std::span<const json::Member> data, Command&, std::string& problem);
    void remember(const Hello&);
    base::JsonWriter& begin(base::JsonWriter&, std::string_view type, std::string_view message_id,
                            std::int64_t at) const;
    void write_system_info(std::string& out) const;
    void write_answer(std::string& out, const Request&, const Result&) const;
    void write_error(std::string& out, const Error&) const;

    Environment environment_;
    std::unique_ptr<AgentCodec> document_;
    std::string agent_id_, name_, version_, platform_, arch_, capabilities_; // for system_info
    Requests requests_;
    Scratch scratch_;
    // Storage for the views of the last message.
    std::string made_id_, made_action_, made_target_, made_params_;
};

void PanelFieldAgent::remember(const Hello& hello)
{
    agent_id_ = hello.agent_id, name_ = hello.name, version_ = hello.version;
    platform_ = hello.platform, arch_ = hello.arch, capabilities_ = hello.capabilities;
    (void)document_->hello(hello);
}

Opening PanelFieldAgent::opening(const Hello& hello)
{
    remember(hello);
    Opening out = document_->opening(hello);
    std::erase_if(out.headers, [](const auto& header) { return header.first == "X-Agent-ID"; });
    if (fits_a_header(hello.agent_id)) out.headers.emplace_back("X-Node-Id", hello.agent_id);
    if (!hello.agent_id.empty()) out.query = "nodeId=" + percent_encoded(hello.agent_id);
    return out;
}

std::string PanelFieldAgent::hello(const Hello& hello)
{
    remember(hello);
    std::string out;
    write_system_info(out);
    return out;
}

// Opens a frame {type, messageId, timestamp, data}; the caller writes the data's value.
base::JsonWriter& PanelFieldAgent::begin(base::JsonWriter& json, std::string_view type,
                                         std::string_view message_id, std::int64_t at) const
{
    json.object().member("type", type);
    write_field(json, "messageId", message_id, max_length::id);
    write_time(json, "timestamp", at != 0 ? at : now(environment_));
    return json.key("data");
}

void PanelFieldAgent::write_system_info(std::string& out) const
{
    base::JsonWriter json{out};
    begin(json, "system_info", {}, 0).object().member("nodeId", clip(agent_id_, max_length::id));
    write_field(json, "hostname", name_, max_length::id);
    write_field(json, "os", platform_, max_length::id);
    write_field(json, "arch", arch_, max_length::id);
    write_field(json, "version", version_, max_length::id);
    json.member("capabilities", base::RawJson{capabilities_.empty() ? "[]" : capabilities_});
    json.end().end();
}

FromServer PanelFieldAgent::decode(std::string_view frame, bool authenticating)
{
    std::string why;
    const auto members = json::split(frame, why);
    const auto salvaged = members ? std::nullopt : json::salvage(frame);
    if (!members && !salvaged) return Malformed{std::move(why), {}};
    const std::span<const json::Member> readable = members ? *members : *salvaged;
    const json::Member* const type = find(readable, "type");
    const std::string_view word = type ? type->text : std::string_view{};
    if (word == "system_info_request" && members) return Ping{system_info_id};
    if (!is_request(word)) return document_->decode(frame, authenticating);
    scratch_.begin(frame);
    if (members) return request(readable);
    return refused_with(request(readable), std::move(why));
}

// Answered by an `error` frame if the request has no id.
FromServer PanelFieldAgent::refuse(std::string_view id, std::string reason)
{
    made_id_ = id.empty() ? std::string{refused_prefix} + new_id(environment_) : std::string{id};
    return Malformed{std::move(reason), made_id_};
}

FromServer PanelFieldAgent::request(std::span<const json::Member> members)
{
    FieldReader fields{members, scratch_};
    Request request;
    request.type = fields.needed("type", max_length::action);
    request.message_id = fields.identifier("messageId", max_length::id);
    if (request.message_id.empty()) request.message_id = fields.identifier("id", max_length::id);
    std::string_view node = fields.identifier("nodeId", max_length::id);
    if (node.empty()) node = fields.identifier("agentId", max_length::id);
    request.server_id = fields.identifier("serverId", max_length::id);
    if (fields.problem.empty() && !node.empty() && !agent_id_.empty() && node != agent_id_)
        fields.problem = "nodeId is not this agent's";
    const json::Member* const data = find(members, "data");
    const bool given = data && data->kind != json::Kind::null;
    if (fields.problem.empty() && given && data->kind != json::Kind::object)
        fields.problem = "data is not an object";
    if (!fields.problem.empty()) return refuse(request.message_id, std::move(fields.problem));

    Command command;
    command.params = given ? data->raw : "{}";
    std::string why;
    const auto inner = json::split(command.params, why);
    if (!inner) return refuse(request.message_id, "data: " + why);
    FieldReader more{*inner, scratch_};
    if (const json::Member* const id = find(*inner, "serverId"); id && id->kind != json::Kind::null)
        request.server_id = more.identifier("serverId", max_length::id);
    if (const json::Member* const path = find(*inner, "path"); path && path->text.size() <= max_length::text)
        request.path = path->text;
    if (more.problem.empty()) translate(request.type, *inner, command, more.problem);
    if (!more.problem.empty()) return refuse(request.message_id, "data: " + more.problem);

    request.id =
        request.message_id.empty() ? "~" + request.type + "~" + new_id(environment_) : request.message_id;
    made_id_ = request.id, made_target_ = request.server_id;
    command.id = made_id_, command.action = made_action_, command.target = made_target_;
    requests_.add(std::move(request));
    return command;
}

// Sets the action and its parameters, in the document's words if it has them.
void PanelFieldAgent::translate(std::string_view type, std::span<const json::Member> data, Command& command,
                                std::string& problem)
{
    made_action_ = action_of(type);
    if (type == "server_power") {
        const json::Member* const power = find(data, "action");
        const std::string_view word = power ? power->text : std::string_view{};
        if (std::find(power_words.begin(), power_words.end(), word) == power_words.end()) {
            problem = "action must be start, stop, restart or kill";
            return;
        }
        made_action_ = std::string{word} + "_server";
        command.params = scratch_.object(data, without_action);
    } else if (type == "server_create" && !find(data, "eggConfig")) {
        made_params_.clear();
        base::JsonWriter json{made_params_};
        json.object();
        if (const json::Member* const id = find(data, "serverId"))
            json.member("serverId", base::RawJson{id->raw});
        json.member("eggConfig", base::RawJson{scratch_.object(data, without_server)}).end();
        command.params = made_params_;
    }
}

void PanelFieldAgent::write_error(std::string& out, const Error& error) const
{
    const std::string_view code = error.code.empty() ? code::internal : error.code;
    base::JsonWriter json{out};
    begin(json, "error", {}, 0).object().member("code", clip(code, max_length::word));
    write_field(json, "message", error.message.empty() ? code : error.message, max_length::text);
    write_field(json, "details", error.detail, max_length::text);
    json.end().end();
}

void PanelFieldAgent::write_answer(std::string& out, const Request& request, const Result& result) const
{
    const std::string_view type = answer_type(request.type);
    base::JsonWriter json{out};
    begin(json, type, request.message_id, 0).object();
    write_time(json, "timestamp", now(environment_));
    write_field(json, "serverId", request.server_id, max_length::id);
    write_field(json, "path", request.path, max_length::text);
    if (result.outcome != Outcome::success)
        write_failure(json, type, result);
    else
        write_success(json, type, request, result.data);
    json.end().end();
}

bool PanelFieldAgent::encode(const Result& result, std::string& out)
{
    const bool failed = result.outcome != Outcome::success;
    if (const auto request = requests_.take(result.id)) {
        write_answer(out, *request, result);
        return true;
    }
    if (!result.id.starts_with('~')) return document_->encode(result, out);
    if (result.id.starts_with(refused_prefix)) {
        if (failed) write_error(out, result.error);
        return failed;
    }
    // Forgotten, or requested before a restart: the id contains the request's type.
    const std::string_view rest = result.id.substr(1);
    write_answer(out, {.type = std::string{rest.substr(0, rest.find('~'))}}, result);
    return true;
}

bool PanelFieldAgent::encode(const Progress& progress, std::string& out)
{
    if (progress.id.starts_with('~') || requests_.has(progress.id)) return false;
    base::JsonWriter json{out};
    json.object().member("id", progress.id).member("type", "response");
    write_time(json, "timestamp", now(environment_));
    json.member("status", "processing").member("success", true);
    if (is_object(progress.json)) {
        json.member("data", base::RawJson{progress.json});
    } else {
        json.object("data");
        if (!progress.json.empty()) json.member("value", base::RawJson{progress.json});
        json.end();
    }
    json.end();
    return true;
}

bool PanelFieldAgent::encode(const Event& event, std::string& out)
{
    const std::size_t dot = event.topic.find('.');
    const std::string_view topic = event.topic.substr(dot == event.topic.npos ? 0 : dot + 1);
    const auto* const word = std::find_if(event_words.begin(), event_words.end(),
                                          [&](const EventWord& each) { return each.topic == topic; });
    std::string why;
    const auto data =
        word == event_words.end() ? std::nullopt : json::split(event.json.empty() ? "{}" : event.json, why);
    if (!data) return document_->encode(event, out);
    base::JsonWriter json{out};
    begin(json, word->type, {}, event.at).object();
    if (!find(*data, "serverId")) write_field(json, "serverId", event.target, max_length::id);
    const json::Member* const source = word->member.empty() ? nullptr : find(*data, word->source);
    if (source && !find(*data, word->member)) json.member(word->member, base::RawJson{source->raw});
    json.raw_members(members_of(event.json)).end().end();
    return true;
}

bool PanelFieldAgent::encode(const Heartbeat& beat, std::string& out)
{
    if (beat.id == system_info_id) {
        write_system_info(out);
        return true;
    }
    if (document_->encode(beat, out)) return true; // the answer to a ping
    base::JsonWriter json{out};
    begin(json, "heartbeat", {}, beat.at).object().member("nodeId", clip(agent_id_, max_length::id));
    write_time(json, "timestamp", beat.at != 0 ? beat.at : now(environment_));
    json.member("status", "online");
    if (beat.facts.size() > 2 && beat.facts.size() <= max_facts && is_object(beat.facts))
        json.member("facts", base::RawJson{beat.facts});
    json.end().end();
    return true;
}

} // namespace

std::unique_ptr<AgentCodec> make_panel_field_agent(AgentSetup setup)
{
    return std::make_unique<PanelFieldAgent>(std::move(setup));
}

} // namespace agenthost::wire
