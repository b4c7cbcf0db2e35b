#include "agent.hpp"
#include "wire/codes.hpp"
#include "wire/iso8601.hpp"
#include "wire/session/answers.hpp"
#include "wire/session/outcomes.hpp"

#include <algorithm>

namespace agenthost::wire::print {
namespace {

// Node's names for uname's architectures.
std::string_view arch_of(std::string_view machine)
{
    if (machine == "x86_64" || machine == "amd64") return "x64";
    return machine == "aarch64" ? "arm64" : machine;
}

} // namespace

Opening PrintAgent::opening(const Hello& hello)
{
    agent_id_ = hello.agent_id;
    Opening out;
    if (fits_a_header(hello.agent_id)) out.headers.emplace_back("X-Shop-Id", hello.agent_id);
    if (fits_a_header(hello.version)) out.headers.emplace_back("X-Agent-Version", hello.version);
    if (fits_a_header(hello.credential))
        out.headers.emplace_back("Authorization", std::string{"Bearer "}.append(hello.credential));
    return out;
}

std::string PrintAgent::hello(const Hello& hello)
{
    agent_id_ = hello.agent_id;
    std::string out = R"({"type":"register","payload":{"shopId":)";
    json::append(out, hello.agent_id);
    append_field(out, "version", hello.version, most::id);
    append_field(out, "platform", hello.platform, most::id);
    append_field(out, "arch", arch_of(hello.arch), most::id);
    append_field(out, "hostname", hello.name, most::id);
    out += R"(,"udpPort":null,"capabilities":)";
    out += hello.capabilities.empty() ? "[]" : hello.capabilities;
    out += "}}";
    return out;
}

void PrintAgent::settle(const Result& result)
{
    const auto found = std::find_if(pending_.begin(), pending_.end(),
                                    [&](const Pending& pending) { return pending.id == result.id; });
    // Or one sent before a restart.
    const bool settings = found != pending_.end() || result.action == task_config;
    if (settings && result.outcome == Outcome::success) {
        if (found != pending_.end() && found->interval) interval_ = found->interval;
        config_push_at_ = now(world_);
        due_ = true;
    }
    if (found != pending_.end()) pending_.erase(found);
}

bool PrintAgent::encode(const Result& result, std::string& out)
{
    settle(result);
    if (result.id.starts_with(flat)) return encode_flat(result, out);
    const bool has_id = !result.id.empty() && !is_made(result.id);
    const bool success = result.outcome == Outcome::success;
    const bool ponged = success && result.action == task_ping;
    out += R"({"type":"task_result")";
    if (has_id) append_field(out, "id", result.id, most::id);
    out += R"(,"payload":{)";
    if (has_id) {
        out += R"("id":)";
        json::append(out, clip(result.id, most::id));
        out += ',';
    }
    out += success ? ponged ? R"("status":"pong","message":)" : R"("status":"success","message":)"
                   : R"("status":"error","message":)";
    if (!success) {
        append_error(result, out);
    } else {
        std::string message, rest;
        std::string_view data = result.data;
        if (ponged) { // regardless of the data
            json::append(out, pong);
        } else if (cut_message(data, message, rest)) {
            out += message;
            data = rest;
        } else {
            json::append(out, nothing_to_say);
        }
        if (!data.empty()) {
            out += R"(,"meta":)";
            out += data;
        }
    }
    out += "}}";
    return true;
}

void PrintAgent::append_error(const Result& result, std::string& out)
{
    const Error& error = result.error;
    const std::string_view code = error.code.empty() ? code::internal : error.code;
    json::append(out, clip(error.message.empty() ? code : error.message, most::text));
    append_field(out, "code", code, most::word);
    append_field(out, "detail", error.detail, most::text);
    // The server must know whether paper may have been printed. No code implies "unknown", so that outcome is
    // always sent.
    const bool says_outcome = result.outcome != outcome_of(code);
    if (!says_outcome && error.data.empty()) return;
    out += R"(,"meta":)";
    if (!says_outcome && is_object(error.data)) {
        out += error.data;
        return;
    }
    std::string members;
    if (says_outcome) append_field(members, "outcome", outcome_word(result.outcome), most::word);
    std::string why;
    const auto own = is_object(error.data) ? json::split(error.data, why) : std::nullopt;
    if (own) {
        for (const json::Member& member : *own) {
            if (member.key != "outcome")
                members.append(",").append(member.key_raw).append(":").append(member.raw);
        }
    } else if (!error.data.empty()) {
        members.append(R"(,"data":)").append(error.data);
    }
    members.front() = '{'; // replaces the first comma
    out += members;
    out += '}';
}

bool PrintAgent::encode_flat(const Result& result, std::string& out)
{
    out += R"({"type":"print_result")";
    append_field(out, "taskId", result.id.substr(flat.size()), most::id);
    if (result.outcome == Outcome::success) {
        out += R"(,"success":true)";
        std::string why;
        const auto members = is_object(result.data) ? json::split(result.data, why) : std::nullopt;
        const std::string_view sent =
            members ? raw_of(*members, "bytesSent", json::Kind::number) : std::string_view{};
        if (!sent.empty()) out.append(R"(,"bytesSent":)").append(sent);
    } else {
        const Error& error = result.error;
        out += R"(,"success":false)";
        append_field(out, "error", error.message.empty() ? error.code : error.message, most::text);
        append_field(out, "code", error.code, most::word);
        append_outcome(out, result);
    }
    out += '}';
    return true;
}

bool PrintAgent::encode(const Event& event, std::string& out)
{
    std::string why;
    std::string level{R"("info")"}, message; // the readable text: the event's own message if it has one
    json::append(message, clip(event.topic, most::action));
    if (is_object(event.json)) {
        if (const auto members = json::split(event.json, why)) {
            const std::string_view own_level = raw_of(*members, "level", json::Kind::string);
            const std::string_view own_message = raw_of(*members, "message", json::Kind::string);
            if (!own_level.empty() && own_level.size() <= most::word) level = own_level;
            if (own_message.size() > 2 && own_message.size() <= most::text) message = own_message;
        }
    }
    out += R"({"type":"log_event","payload":{"level":)";
    out += level;
    out += R"(,"message":)";
    out += message;
    out += R"(,"timestamp":)";
    append_iso8601(out, event.at != 0 ? event.at : now(world_));
    append_field(out, "event", event.topic, most::action);
    append_field(out, "target", event.target, most::id);
    out += R"(,"data":)";
    out += event.json.empty() ? "{}" : event.json;
    out += "}}";
    return true;
}

bool PrintAgent::encode(const Log& log, std::string& out)
{
    out += R"({"type":"log_event","payload":{"level":)";
    json::append(out, clip(log.level.empty() ? "info" : log.level, most::word));
    out += R"(,"message":)";
    json::append(out, clip(log.message, most::text));
    out += R"(,"timestamp":)";
    append_iso8601(out, log.at != 0 ? log.at : now(world_));
    append_field(out, "source", log.source, most::id);
    out += "}}";
    return true;
}

bool PrintAgent::encode(const Heartbeat& beat, std::string& out)
{
    std::string why;
    const auto facts = json::split(beat.facts.empty() ? "{}" : beat.facts, why);
    const auto fact = [&](std::string_view key, std::string_view otherwise) {
        const json::Member* const found = facts ? find(*facts, key) : nullptr;
        return found && found->kind != json::Kind::null ? found->raw : otherwise;
    };
    const std::string_view status = fact("agent_status", R"("healthy")");
    const std::string_view uptime = fact("uptime", {}), load = fact("system_load", {});
    out += R"({"type":"heartbeat","payload":{"shopId":)";
    json::append(out, clip(agent_id_, most::id));
    if (!uptime.empty()) out.append(R"(,"uptime":)").append(uptime);
    out.append(R"(,"devices":)").append(fact("devices", "[]"));
    out.append(R"(,"telemetry":{"logs":)").append(fact("logs", "[]"));
    out.append(R"(,"status":)").append(status == R"("healthy")" ? R"("online")" : status);
    if (!load.empty()) out.append(R"(,"systemLoad":)").append(load);
    out += '}';
    if (due_) {
        out += R"(,"config_push_at":)";
        append_iso8601(out, config_push_at_);
        due_ = false;
    }
    out += "}}";
    return true;
}

} // namespace agenthost::wire::print
