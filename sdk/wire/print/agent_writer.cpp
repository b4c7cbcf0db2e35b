// Encoding of the agent's end.
#include "agent.hpp"
#include "binary.hpp"
#include "wire/codes.hpp"
#include "wire/session/answers.hpp"
#include "wire/session/outcomes.hpp"

#include <algorithm>

namespace agenthost::wire::print {
namespace {

// Bytes of a heartbeat without its facts.
constexpr std::size_t usual_heartbeat = 256;

// Node's names for uname's architectures.
std::string_view arch_of(std::string_view machine)
{
    if (machine == "x86_64" || machine == "amd64") return "x64";
    return machine == "aarch64" ? "arm64" : machine;
}

// The plugins' capabilities, and the one of this codec.
std::string with_binary(std::string_view capabilities)
{
    const std::string own = std::string{"\""}.append(binary_capability) + "\"";
    const auto end = capabilities.rfind(']');
    if (end == capabilities.npos) return "[" + own + "]";
    if (capabilities.find(own) != capabilities.npos) return std::string{capabilities};
    const bool none = capabilities.find('"') == capabilities.npos;
    return std::string{capabilities.substr(0, end)} + (none ? "" : ",") + own + "]";
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
    std::string out;
    base::JsonWriter json{out};
    json.object().member("type", "register").object("payload").member("shopId", hello.agent_id);
    write_field(json, "version", hello.version, max_length::id);
    write_field(json, "platform", hello.platform, max_length::id);
    write_field(json, "arch", arch_of(hello.arch), max_length::id);
    write_field(json, "hostname", hello.name, max_length::id);
    json.member("udpPort", nullptr);
    json.member("capabilities", base::RawJson{with_binary(hello.capabilities)});
    json.end().end();
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
        config_push_at_ = now(environment_);
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
    base::JsonWriter json{out};
    json.object().member("type", "task_result");
    if (has_id) write_field(json, "id", result.id, max_length::id);
    json.object("payload");
    if (has_id) write_field(json, "id", result.id, max_length::id);
    json.member("status", success ? ponged ? "pong" : "success" : "error");
    if (!success) {
        write_error(json, result);
    } else {
        std::string message, rest;
        std::string_view data = result.data;
        if (ponged) { // regardless of the data
            json.member("message", pong);
        } else if (cut_message(data, message, rest)) {
            json.member("message", base::RawJson{message});
            data = rest;
        } else {
            json.member("message", nothing_to_say);
        }
        if (!data.empty()) json.member("meta", base::RawJson{data});
    }
    json.end().end();
    return true;
}

void PrintAgent::write_error(base::JsonWriter& json, const Result& result)
{
    const Error& error = result.error;
    const std::string_view code = error.code.empty() ? code::internal : error.code;
    json.member("message", clip(error.message.empty() ? code : error.message, max_length::text));
    write_field(json, "code", code, max_length::word);
    write_field(json, "detail", error.detail, max_length::text);
    // The server must know whether paper may have been printed. No code implies "unknown", so that outcome is
    // always sent.
    const bool says_outcome = result.outcome != outcome_of(code);
    if (!says_outcome && error.data.empty()) return;
    if (!says_outcome && is_object(error.data)) {
        json.member("meta", base::RawJson{error.data});
        return;
    }
    json.object("meta");
    if (says_outcome) json.member("outcome", to_string(result.outcome));
    std::string why;
    const auto own = is_object(error.data) ? json::split(error.data, why) : std::nullopt;
    if (own) {
        for (const json::Member& member : *own)
            if (member.key != "outcome") write_member(json, member);
    } else if (!error.data.empty()) {
        json.member("data", base::RawJson{error.data});
    }
    json.end();
}

bool PrintAgent::encode_flat(const Result& result, std::string& out)
{
    base::JsonWriter json{out};
    json.object().member("type", "print_result");
    write_field(json, "taskId", result.id.substr(flat.size()), max_length::id);
    if (result.outcome == Outcome::success) {
        json.member("success", true);
        std::string why;
        const auto members = is_object(result.data) ? json::split(result.data, why) : std::nullopt;
        const std::string_view sent =
            members ? raw_of(*members, "bytesSent", json::Kind::number) : std::string_view{};
        if (!sent.empty()) json.member("bytesSent", base::RawJson{sent});
    } else {
        const Error& error = result.error;
        json.member("success", false);
        write_field(json, "error", error.message.empty() ? error.code : error.message, max_length::text);
        write_field(json, "code", error.code, max_length::word);
        write_outcome(json, result);
    }
    json.end();
    return true;
}

bool PrintAgent::encode(const Event& event, std::string& out)
{
    std::string why;
    std::string_view level = R"("info")", message; // as JSON; message: empty if the event has none
    if (is_object(event.json)) {
        if (const auto members = json::split(event.json, why)) {
            const std::string_view own_level = raw_of(*members, "level", json::Kind::string);
            const std::string_view own_message = raw_of(*members, "message", json::Kind::string);
            if (!own_level.empty() && own_level.size() <= max_length::word) level = own_level;
            if (own_message.size() > 2 && own_message.size() <= max_length::text) message = own_message;
        }
    }
    base::JsonWriter json{out};
    json.object().member("type", "log_event").object("payload");
    json.member("level", base::RawJson{level});
    if (message.empty())
        json.member("message", clip(event.topic, max_length::action));
    else
        json.member("message", base::RawJson{message});
    write_time(json, "timestamp", event.at != 0 ? event.at : now(environment_));
    write_field(json, "event", event.topic, max_length::action);
    write_field(json, "target", event.target, max_length::id);
    json.member("data", base::RawJson{event.json.empty() ? "{}" : event.json});
    json.end().end();
    return true;
}

bool PrintAgent::encode(const Log& log, std::string& out)
{
    base::JsonWriter json{out};
    json.object().member("type", "log_event").object("payload");
    json.member("level", clip(log.level.empty() ? "info" : log.level, max_length::word));
    json.member("message", clip(log.message, max_length::text));
    write_time(json, "timestamp", log.at != 0 ? log.at : now(environment_));
    write_field(json, "source", log.source, max_length::id);
    json.end().end();
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
    out.reserve(out.size() + beat.facts.size() + usual_heartbeat);
    base::JsonWriter json{out};
    json.object()
        .member("type", "heartbeat")
        .object("payload")
        .member("shopId", clip(agent_id_, max_length::id));
    if (!uptime.empty()) json.member("uptime", base::RawJson{uptime});
    json.member("devices", base::RawJson{fact("devices", "[]")});
    const std::string_view left_out = fact("devices_left_out", {});
    if (!left_out.empty()) json.member("devicesLeftOut", base::RawJson{left_out});
    json.object("telemetry").member("logs", base::RawJson{fact("logs", "[]")});
    json.member("status", base::RawJson{status == R"("healthy")" ? R"("online")" : status});
    if (!load.empty()) json.member("systemLoad", base::RawJson{load});
    json.end();
    if (due_) {
        write_time(json, "config_push_at", config_push_at_);
        due_ = false;
    }
    json.end().end();
    return true;
}

} // namespace agenthost::wire::print
