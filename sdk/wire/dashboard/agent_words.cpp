// Encoding of the agent's end.
#include "agent.hpp"
#include "base/text_scan.hpp"
#include "result.hpp"
#include "wire/base64.hpp"
#include "wire/codes.hpp"
#include "wire/session/outcomes.hpp"

#include <algorithm>

namespace agenthost::wire {
namespace {

constexpr std::size_t max_facts = 64 << 10; // bytes of facts in a heartbeat; larger facts are left out

// The part of a topic after the plugin's name.
std::string_view word_of(std::string_view topic)
{
    const auto dot = topic.find('.');
    return dot == std::string_view::npos ? topic : topic.substr(dot + 1);
}

} // namespace

using namespace dashboard;

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
    commands_.end(result.id);
    if (!result.id.starts_with('~')) return append_answer(out, result);
    if (failed) append_error(out, result.error, {}, {});
    return failed; // success is not answered
}

bool DashboardAgentCodec::encode(const Progress& progress, std::string& out)
{
    const std::string_view json = progress.json.empty() ? "{}" : progress.json;
    std::string why;
    std::size_t said = 0; // facts with a member of their own
    bool more = true;
    std::string status;
    if (const auto members = json::split(json, why)) {
        const json::Member* const word = find(*members, "status");
        const json::Member* const id = find(*members, "commandId");
        if (word && (word->text == "queued" || word->text == "running")) status = word->text;
        said += status.empty() ? 0 : 1;
        said += id && id->text == progress.id ? 1 : 0;
        more = members->size() > said;
    }
    if (!status.empty()) {
        append_status(out, progress.id, status);
    } else {
        open_frame(out, "progress", now(world_));
        out += R"({"requestId":)";
        json::append(out, clip(progress.id, most::id));
    }
    if (status.empty() || more) {
        out += R"(,"data":)";
        out += json;
    }
    out += "}}";
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

    open_frame(out, "terminal:output", now(world_));
    out += R"({"commandId":)";
    json::append(out, clip(stream.id, most::id));
    out += R"(,"data":)";
    const bool base64 = exact_ || command.base64;
    if (base64) {
        out += '"';
        append_base64(out, stream.bytes);
        out += '"';
    } else if (channel.tail_size == 0 && base::ascii_run(stream.bytes) == stream.bytes.size()) {
        json::append(out, stream.bytes); // the usual case: nothing to complete, nothing to copy
    } else {
        json::append(out, complete_text(channel, stream.bytes));
    }
    out += stream.channel == 1 ? R"(,"stream":"stdout","sequence":)" : R"(,"stream":"stderr","sequence":)";
    out += std::to_string(++command.sequence);
    if (base64) out += R"(,"encoding":"base64")";
    if (goes_on) out += R"(,"offset":)" + std::to_string(stream.offset);
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
    if (heartbeat.facts.size() > 2 && heartbeat.facts.size() <= max_facts)
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

} // namespace agenthost::wire
