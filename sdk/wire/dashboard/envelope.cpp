#include "envelope.hpp"

#include "wire/codes.hpp"
#include "wire/json/numbers.hpp"

#include <algorithm>
#include <array>

namespace agenthost::wire::dashboard {
namespace {

constexpr std::string_view our_version = "1.0.0";

struct Code {
    std::string_view ours, wire;
};
constexpr std::array codes{Code{code::timeout, "COMMAND_TIMEOUT"},
                           Code{code::invalid_request, "INVALID_MESSAGE"}};

constexpr std::array<std::string_view, 4> flat{run_word, "command:interrupt", "terminal:input",
                                               "terminal:resize"};
constexpr std::array<std::string_view, 15> notices{
    "agent:connect",  "agent:list",        "agent:status", "command:queue",   "command:status",
    "connection:ack", "dashboard:connect", "error",        "event",           "event:dropped",
    "heartbeat",      "progress",          "response",     "terminal:output", "token:refresh"};

// "1", "1.0.0", "1.7": only the first number is compared.
bool spoken(const json::Member& version)
{
    if (version.kind != json::Kind::string) return false;
    const std::string_view text = version.text;
    return text == "1" || text.starts_with("1.");
}

template <class List> bool among(const List& list, std::string_view word)
{
    return std::find(list.begin(), list.end(), word) != list.end();
}

} // namespace

bool read_frame(std::string_view frame, Scratch& scratch, Frame& out, std::string& why)
{
    const auto members = json::split(frame, why);
    scratch.begin(frame);
    if (!members) {
        const auto salvaged = json::salvage(frame);
        if (!salvaged) return false;
        out.type = FieldReader{*salvaged, scratch}.text("type", max_length::action);
        const json::Member* const payload = find(*salvaged, "payload");
        if (payload && payload->kind == json::Kind::object) out.payload = payload->raw;
        return false;
    }
    FieldReader fields{*members, scratch};
    out.type = fields.needed("type", max_length::action);
    why = std::move(fields.problem);
    const auto wrong = [&why](std::string reason) {
        if (why.empty()) why = std::move(reason);
    };
    if (const json::Member* payload = find(*members, "payload");
        payload && payload->kind == json::Kind::object)
        out.payload = payload->raw;
    else if (payload && payload->kind != json::Kind::null)
        wrong("payload is not an object");
    if (const json::Member* at = find(*members, "timestamp"); at && at->kind != json::Kind::null) {
        if (!read_time(*at, out.at)) wrong("timestamp is not a time in milliseconds");
    }
    if (const json::Member* version = find(*members, "version");
        version && version->kind != json::Kind::null && !spoken(*version))
        wrong("only version 1.x is spoken here, not " + std::string{clip(version->raw, max_length::word)});
    return why.empty();
}

base::JsonWriter& open_frame(base::JsonWriter& json, std::string_view type, std::int64_t at)
{
    json.object().member("version", our_version).member("type", clip(type, max_length::action));
    return json.member("timestamp", static_cast<double>(at)).key("payload");
}

std::string_view wire_code(std::string_view ours)
{
    const auto* found =
        std::find_if(codes.begin(), codes.end(), [&](const Code& each) { return each.ours == ours; });
    return found == codes.end() ? ours : found->wire;
}

std::string_view our_code(std::string_view wire)
{
    const auto* found =
        std::find_if(codes.begin(), codes.end(), [&](const Code& each) { return each.wire == wire; });
    return found == codes.end() ? wire : found->ours;
}

bool recoverable(std::string_view wire_code) { return wire_code != auth_failed; }
bool is_flat(std::string_view type) { return among(flat, type); }
bool is_notice(std::string_view type) { return among(notices, type); }

} // namespace agenthost::wire::dashboard
