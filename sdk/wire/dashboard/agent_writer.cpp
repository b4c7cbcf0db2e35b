// Encoding of the agent's end.
#include "agent.hpp"
#include "result.hpp"
#include "wire/codes.hpp"
#include "wire/session/outcomes.hpp"

#include <algorithm>

namespace agenthost::wire {
namespace {

constexpr std::size_t max_facts = 64 << 10; // bytes of facts in a heartbeat; larger facts are left out

// The part of a topic after the plugin's name.
std::string_view event_name(std::string_view topic)
{
    const auto dot = topic.find('.');
    return dot == std::string_view::npos ? topic : topic.substr(dot + 1);
}

} // namespace

using namespace dashboard;

void DashboardAgentCodec::write_error(std::string& out, const Error& error, std::string_view command_id,
                                      std::string_view request_id)
{
    const std::string_view code = wire_code(error.code.empty() ? code::internal : error.code);
    base::JsonWriter json{out};
    open_frame(json, "error", now(environment_)).object().member("code", clip(code, max_length::word));
    json.member("message", clip(error.message.empty() ? code : error.message, max_length::text));
    json.member("recoverable", recoverable(code));
    write_field(json, "commandId", command_id, max_length::id);
    write_field(json, "requestId", request_id, max_length::id);
    write_field(json, "detail", error.detail, max_length::text);
    json.end().end();
}

// Opens a frame and its payload, {commandId, requestId, status, ...}.
void DashboardAgentCodec::open_status(base::JsonWriter& json, std::string_view id, std::string_view status)
{
    open_frame(json, "command:status", now(environment_))
        .object()
        .member("commandId", clip(id, max_length::id));
    if (const auto* known = commands_.find(id))
        write_field(json, "requestId", known->request_id, max_length::id);
    write_field(json, "status", status, max_length::word);
}

bool DashboardAgentCodec::write_answer(std::string& out, const Result& result)
{
    base::JsonWriter json{out};
    open_frame(json, "response", now(environment_))
        .object()
        .member("requestId", clip(result.id, max_length::id));
    std::string_view data = result.data;
    if (result.outcome == Outcome::success) {
        json.member("status", "success");
    } else {
        json.member("status", "error");
        write_field(json, "code", wire_code(result.error.code), max_length::word);
        write_field(json, "message", result.error.message.empty() ? result.error.code : result.error.message,
                    max_length::text);
        write_field(json, "detail", result.error.detail, max_length::text);
        write_outcome(json, result);
        data = result.error.data;
    }
    if (!data.empty()) json.member("data", base::RawJson{data});
    json.end().end();
    return true;
}

bool DashboardAgentCodec::encode(const Result& result, std::string& out)
{
    const bool failed = result.outcome != Outcome::success;
    if (failed && result.action.empty() && !bad_.id.empty() && result.id == bad_.id) {
        write_error(out, result.error, bad_.command_id, bad_.request_id);
        bad_ = {};
        return true;
    }
    if (result.action == run_word || (result.action.empty() && commands_.find(result.id))) {
        const RunEnd end = run_end(result);
        base::JsonWriter json{out};
        open_status(json, result.id, end.completed ? "completed" : "failed");
        write_run_end(json, result, end);
        json.end().end();
        commands_.end(result.id);
        return true;
    }
    commands_.end(result.id);
    if (!result.id.starts_with('~')) return write_answer(out, result);
    if (failed) write_error(out, result.error, {}, {});
    return failed; // success is not answered
}

bool DashboardAgentCodec::encode(const Progress& progress, std::string& out)
{
    const std::string_view data = progress.json.empty() ? "{}" : progress.json;
    std::string why;
    std::size_t said = 0; // facts with a member of their own
    bool more = true;
    std::string status;
    if (const auto members = json::split(data, why)) {
        const json::Member* const word = find(*members, "status");
        const json::Member* const id = find(*members, "commandId");
        if (word && (word->text == "queued" || word->text == "running")) status = word->text;
        said += status.empty() ? 0 : 1;
        said += id && id->text == progress.id ? 1 : 0;
        more = members->size() > said;
    }
    base::JsonWriter json{out};
    if (!status.empty())
        open_status(json, progress.id, status);
    else
        open_frame(json, "progress", now(environment_))
            .object()
            .member("requestId", clip(progress.id, max_length::id));
    if (status.empty() || more) json.member("data", base::RawJson{data});
    json.end().end();
    return true;
}

std::size_t DashboardAgentCodec::fitting(const Stream& stream) const
{
    const CommandBook::Command* known = commands_.find(stream.id);
    if (exact_ || (known && known->base64)) return std::min(stream.bytes.size(), fitting_base64);
    return fitting_text(known, stream);
}

bool DashboardAgentCodec::encode(const Stream& stream, std::string& out)
{
    if (stream.channel != 1 && stream.channel != 2) return false;
    CommandBook::Command& command = commands_.of(stream.id);
    const auto [channel, dropped, goes_on] = place_chunk(command, stream);

    base::JsonWriter json{out};
    open_frame(json, "terminal:output", now(environment_))
        .object()
        .member("commandId", clip(stream.id, max_length::id));
    const bool base64 = exact_ || command.base64;
    if (base64)
        json.member("data", base::Base64Json{stream.bytes});
    else
        write_text(json, "data", channel, stream.bytes);
    json.member("stream", stream.channel == 1 ? "stdout" : "stderr").member("sequence", ++command.sequence);
    if (base64) json.member("encoding", "base64");
    if (goes_on) json.member("offset", stream.offset);
    if (dropped > 0) json.member("dropped", dropped);
    json.end().end();
    return true;
}

bool DashboardAgentCodec::encode(const Event& event, std::string& out)
{
    const std::string_view data = event.json.empty() ? "{}" : event.json;
    const std::string_view word = event_name(event.topic);
    const std::int64_t at = event.at != 0 ? event.at : now(environment_);
    base::JsonWriter json{out};
    if (word == "command_queue" && event.target.empty()) {
        open_frame(json, "command:queue", at);
        if (data.front() == '{')
            json.value(base::RawJson{data});
        else
            json.object().member("queue", base::RawJson{data}).end();
        json.end();
        return true;
    }
    open_frame(json, "event", at).object().member("event", clip(word, max_length::id));
    write_field(json, "target", event.target, max_length::id);
    json.member("data", base::RawJson{data}).end().end();
    return true;
}

bool DashboardAgentCodec::encode(const Heartbeat& heartbeat, std::string& out)
{
    base::JsonWriter json{out};
    open_frame(json, "heartbeat", heartbeat.at != 0 ? heartbeat.at : now(environment_));
    json.object().member("sequence", ++heartbeats_);
    if (heartbeat.facts.size() > 2 && heartbeat.facts.size() <= max_facts)
        json.member("facts", base::RawJson{heartbeat.facts});
    json.end().end();
    return true;
}

bool DashboardAgentCodec::encode(const Log& log, std::string& out)
{
    base::JsonWriter json{out};
    open_frame(json, "event", log.at != 0 ? log.at : now(environment_)).object().member("event", "log");
    json.object("data").member("level", log.level.empty() ? "info" : clip(log.level, max_length::word));
    json.member("message", clip(log.message, max_length::text));
    write_field(json, "source", log.source, max_length::id);
    json.end().end().end();
    return true;
}

} // namespace agenthost::wire
