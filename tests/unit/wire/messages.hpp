// Neutral messages as JSON and back, for tests that compare them. What is empty, zero or absent has no
// member.
#pragma once

#include "wire/codec.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace agenthost::wire {

using Json = nlohmann::json;

inline const char* outcome_name(Outcome outcome)
{
    switch (outcome) {
    case Outcome::success: return "success";
    case Outcome::not_started: return "not_started";
    case Outcome::unknown: return "unknown";
    case Outcome::interrupted: return "interrupted";
    default: return "error";
    }
}

inline Outcome outcome(const std::string& name)
{
    for (const auto each : {Outcome::success, Outcome::not_started, Outcome::unknown, Outcome::interrupted}) {
        if (name == outcome_name(each)) return each;
    }
    return Outcome::error;
}

inline void set(Json& out, const char* key, std::string_view value)
{
    if (!value.empty()) out[key] = std::string{value};
}
inline void set(Json& out, const char* key, std::int64_t value)
{
    if (value != 0) out[key] = value;
}

// Bytes that are no UTF-8 cannot stand in JSON: they are described in hex.
inline bool is_utf8(const std::string& text)
{
    try {
        return !Json(text).dump().empty();
    } catch (const Json::type_error&) {
        return false;
    }
}
inline std::string hex_of(std::string_view bytes)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15];
    }
    return out;
}
inline std::string from_hex(const std::string& hex)
{
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return out;
}

inline Json described(const Nothing&) { return {{"type", "nothing"}}; }
inline Json described(const Malformed& m)
{
    Json out{{"type", "malformed"}, {"reason", m.reason}};
    set(out, "id", m.id);
    return out;
}
inline Json described(const Refused& m)
{
    return {{"type", "refused"}, {"close_code", m.close_code}, {"reason", m.reason}};
}
inline Json described(const Welcome& m)
{
    Json out{{"type", "welcome"}, {"accepted", m.accepted}};
    set(out, "message", m.message);
    return out;
}
inline Json described(const Hello& m)
{
    Json out{{"type", "hello"}};
    set(out, "agent_id", m.agent_id);
    set(out, "credential", m.credential);
    set(out, "name", m.name);
    set(out, "version", m.version);
    set(out, "platform", m.platform);
    set(out, "capabilities", m.capabilities);
    set(out, "arch", m.arch);
    return out;
}
inline Json described(const Command& m)
{
    Json out{{"type", "command"}};
    set(out, "id", m.id);
    set(out, "action", m.action);
    set(out, "params", m.params);
    set(out, "target", m.target);
    if (m.timeout) out["timeout_ms"] = m.timeout->count();
    return out;
}
inline Json described(const Config& m) { return {{"type", "config"}, {"json", std::string{m.json}}}; }
inline Json described(const NewCredential& m)
{
    return {{"type", "new_credential"}, {"credential", std::string{m.credential}}};
}
inline Json described(const Ping& m)
{
    Json out{{"type", "ping"}};
    set(out, "id", m.id);
    return out;
}
inline Json described(const Result& m)
{
    Json out{{"type", "result"}, {"outcome", outcome_name(m.outcome)}};
    set(out, "id", m.id);
    set(out, "data", m.data);
    set(out, "code", m.error.code);
    set(out, "message", m.error.message);
    set(out, "detail", m.error.detail);
    set(out, "error_data", m.error.data);
    set(out, "action", m.action);
    return out;
}
inline Json described(const Progress& m)
{
    Json out{{"type", "progress"}};
    set(out, "id", m.id);
    set(out, "json", m.json);
    return out;
}
inline Json described(const Stream& m)
{
    Json out{{"type", "stream"}, {"channel", m.channel}};
    set(out, "id", m.id);
    set(out, "offset", static_cast<std::int64_t>(m.offset));
    if (is_utf8(std::string{m.bytes}))
        set(out, "bytes", m.bytes);
    else
        out["bytes_hex"] = hex_of(m.bytes);
    return out;
}
inline Json described(const Event& m)
{
    Json out{{"type", "event"}};
    set(out, "topic", m.topic);
    set(out, "json", m.json);
    set(out, "target", m.target);
    set(out, "at", m.at);
    return out;
}
inline Json described(const Heartbeat& m)
{
    Json out{{"type", "heartbeat"}};
    set(out, "facts", m.facts);
    set(out, "at", m.at);
    set(out, "id", m.id);
    return out;
}
inline Json described(const Metrics& m)
{
    Json out{{"type", "metrics"}};
    set(out, "json", m.json);
    set(out, "at", m.at);
    return out;
}
inline Json described(const Log& m)
{
    Json out{{"type", "log"}};
    set(out, "level", m.level);
    set(out, "message", m.message);
    set(out, "source", m.source);
    set(out, "at", m.at);
    return out;
}

template <class Variant> Json describe(const Variant& message)
{
    return std::visit([](const auto& m) { return described(m); }, message);
}

// The messages hold views into `text` and `bytes`; made where it stays (not moved).
struct Message {
    Json text;
    std::string bytes;
    Hello hello;
    Welcome welcome;
    Command command;
    Config config;
    Ping ping;
    Result result;
    Progress progress;
    Stream stream;
    Event event;
    Heartbeat heartbeat;
    Metrics metrics;
    Log log;

    explicit Message(Json meaning) : text(std::move(meaning)) { fill(); }
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;

    [[nodiscard]] std::string type() const { return text.value("type", ""); }
    [[nodiscard]] std::string_view at(const char* key) const
    {
        const auto found = text.find(key);
        return found == text.end() ? std::string_view{}
                                   : std::string_view{found->get_ref<const std::string&>()};
    }
    [[nodiscard]] std::int64_t number(const char* key) const { return text.value(key, std::int64_t{0}); }

private:
    void fill()
    {
        hello.agent_id = at("agent_id");
        hello.credential = at("credential");
        hello.name = at("name");
        hello.version = at("version");
        hello.platform = at("platform");
        hello.capabilities = at("capabilities");
        hello.arch = at("arch");
        welcome = {text.value("accepted", false), at("message")};
        command = {at("id"), at("action"), at("params"), at("target"), {}};
        if (text.contains("timeout_ms")) command.timeout = milliseconds{number("timeout_ms")};
        command.exact = text.value("exact", false);
        config = {at("json")};
        ping = {at("id")};
        result.id = at("id");
        result.outcome = outcome(text.value("outcome", "error"));
        result.data = at("data");
        result.error = {at("code"), at("message"), at("detail"), at("error_data")};
        result.action = at("action");
        progress = {at("id"), at("json")};
        bytes = text.contains("bytes_hex") ? from_hex(text.at("bytes_hex")) : std::string{at("bytes")};
        stream.id = at("id");
        stream.channel = text.value("channel", 1u);
        stream.offset = static_cast<std::uint64_t>(number("offset"));
        stream.bytes = bytes;
        event = {at("topic"), at("json"), at("target"), number("at")};
        heartbeat = {at("facts"), number("at"), at("id")};
        metrics = {at("json"), number("at")};
        log = {at("level"), at("message"), at("source"), number("at")};
    }
};

inline Message made_of(Json meaning) { return Message{std::move(meaning)}; }

// Appends the frame for a message, as the end that may say it; false when the protocol has no words for it.
inline bool write(AgentCodec& agent, const Message& m, std::string& out)
{
    const std::string type = m.type();
    if (type == "hello") {
        out += agent.hello(m.hello);
        return true;
    }
    if (type == "result") return agent.encode(m.result, out);
    if (type == "progress") return agent.encode(m.progress, out);
    if (type == "stream") return agent.encode(m.stream, out);
    if (type == "event") return agent.encode(m.event, out);
    if (type == "heartbeat") return agent.encode(m.heartbeat, out);
    if (type == "metrics") return agent.encode(m.metrics, out);
    if (type == "log") return agent.encode(m.log, out);
    return false;
}
inline bool write(ServerCodec& server, const Message& m, std::string& out)
{
    const std::string type = m.type();
    if (type == "welcome") return server.encode(m.welcome, out);
    if (type == "command") return server.encode(m.command, out);
    if (type == "ping") return server.encode(m.ping, out);
    if (type == "heartbeat") return server.encode(m.heartbeat, out);
    return false;
}

} // namespace agenthost::wire
