// Neutral messages as JSON and back, for tests that compare them.
#pragma once

#include "wire/codec.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace agenthost::wire {

using Json = nlohmann::json;

inline const char* word(Outcome outcome)
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
        if (name == word(each)) return each;
    }
    return Outcome::error;
}

inline void set(Json& out, const char* key, std::string_view value)
{
    if (!value.empty()) out[key] = std::string{value};
}

inline Json described(const Nothing&) { return {{"type", "nothing"}}; }
inline Json described(const Malformed& m)
{
    Json out{{"type", "malformed"}, {"reason", m.reason}};
    set(out, "id", m.id);
    return out;
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
    return out;
}
inline Json described(const Command& m)
{
    Json out{{"type", "command"}};
    set(out, "id", m.id);
    set(out, "action", m.action);
    set(out, "params", m.params);
    set(out, "target", m.target);
    return out;
}
inline Json described(const Result& m)
{
    Json out{{"type", "result"}, {"outcome", word(m.outcome)}};
    set(out, "id", m.id);
    set(out, "data", m.data);
    set(out, "code", m.error.code);
    set(out, "message", m.error.message);
    set(out, "detail", m.error.detail);
    set(out, "error_data", m.error.data);
    return out;
}
template <class Other> Json described(const Other&) { return {{"type", "another"}}; }

template <class Variant> Json describe(const Variant& message)
{
    return std::visit([](const auto& m) { return described(m); }, message);
}

// The messages hold views into `text`.
struct Message {
    Json text;
    Hello hello;
    Welcome welcome;
    Command command;
    Result result;

    std::string_view at(const char* key) const
    {
        const auto found = text.find(key);
        return found == text.end() ? std::string_view{}
                                   : std::string_view{found->get_ref<const std::string&>()};
    }
};

inline Message made_of(Json meaning)
{
    Message m;
    m.text = std::move(meaning);
    m.hello = {m.at("agent_id"), m.at("credential"), m.at("name"), m.at("version"), m.at("platform"), {}};
    m.welcome = {m.text.value("accepted", false), m.at("message")};
    m.command = {m.at("id"), m.at("action"), m.at("params"), m.at("target"), {}};
    m.result.id = m.at("id");
    m.result.outcome = outcome(m.text.value("outcome", "error"));
    m.result.data = m.at("data");
    m.result.error = {m.at("code"), m.at("message"), m.at("detail"), m.at("error_data")};
    return m;
}

} // namespace agenthost::wire
