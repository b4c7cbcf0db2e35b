#include "answers.hpp"

#include "wire/codes.hpp"
#include "wire/json/fields.hpp"

#include "base/iso8601.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace agenthost::wire {
namespace {

struct OutcomeName {
    Outcome outcome;
    std::string_view word;
};
constexpr std::array outcome_names{
    OutcomeName{Outcome::success, "success"}, OutcomeName{Outcome::not_started, "not_started"},
    OutcomeName{Outcome::unknown, "unknown"}, OutcomeName{Outcome::interrupted, "interrupted"},
    OutcomeName{Outcome::error, "error"}};

constexpr std::string_view message_key = "message";
constexpr std::size_t kept_memory = 32 << 10;
constexpr double max_seconds = 365.0 * 24 * 3600;

} // namespace

Outcome outcome_of(std::string_view code)
{
    if (code == code::busy || code == code::queue_full || code == code::rate_limit)
        return Outcome::not_started;
    return code == code::interrupted ? Outcome::interrupted : Outcome::error;
}

std::string_view to_string(Outcome outcome)
{
    for (const OutcomeName& name : outcome_names) {
        if (name.outcome == outcome) return name.word;
    }
    return "error";
}

std::optional<Outcome> outcome_named(std::string_view word)
{
    for (const OutcomeName& name : outcome_names) {
        if (name.word == word) return name.outcome;
    }
    return std::nullopt;
}

bool may_have(std::string_view json, std::string_view key)
{
    return json.find(key) != json.npos || json.find('\\') != json.npos; // the key may contain escapes
}

bool cut_message(std::string_view data, std::string& message, std::string& rest)
{
    std::string why;
    if (!is_object(data) || !may_have(data, message_key)) return false;
    const auto members = json::split(data, why);
    const json::Member* const found = members ? find(*members, message_key) : nullptr;
    if (!found || found->kind != json::Kind::string || found->text.empty() ||
        found->text.size() > max_length::text)
        return false;
    message += found->raw;
    if (members->size() == 1) return true;
    base::JsonWriter json{rest};
    json.object();
    for (const json::Member& member : *members)
        if (&member != found) write_member(json, member);
    json.end();
    return true;
}

std::string_view with_message(std::string_view message, std::string_view data, std::string& memory)
{
    if (message.empty() || (!data.empty() && !is_object(data))) return data;
    std::string why;
    if (may_have(data, message_key)) {
        const auto members = json::split(data, why);
        if (!members || find(*members, message_key)) return data;
    }
    memory.clear();
    base::JsonWriter{memory}.object().member("message", message).raw_members(members_of(data)).end();
    return memory;
}

Malformed refused_with(const FromServer& salvaged, std::string why)
{
    Malformed refusal{std::move(why), {}};
    if (const auto* command = std::get_if<Command>(&salvaged)) refusal.id = command->id;
    if (const auto* malformed = std::get_if<Malformed>(&salvaged)) refusal.id = malformed->id;
    return refusal;
}

void renew(std::string& memory)
{
    memory.clear();
    if (memory.capacity() > kept_memory) memory = {};
}

std::string_view members_of(std::string_view object)
{
    if (!is_object(object)) return {};
    const std::string_view inner = base::trim_front(object.substr(object.find('{') + 1), base::json_space);
    if (inner.empty() || inner.front() == '}') return {};
    return inner.substr(0, inner.find_last_of('}'));
}

void write_time(base::JsonWriter& json, const base::JsonKey& key, std::int64_t utc_ms)
{
    json.key(key).append_value([utc_ms](std::string& out) {
        base::append_iso8601(out, utc_ms);
        return true;
    });
}

std::optional<milliseconds> from_seconds(std::string_view json)
{
    double seconds = 0;
    const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), seconds);
    if (error != std::errc{} || end != json.data() + json.size() || !(seconds >= 0 && seconds <= max_seconds))
        return std::nullopt;
    return milliseconds{std::llround(seconds * 1000)};
}

void append_seconds(std::string& out, milliseconds time)
{
    out += std::to_string(time.count() / 1000);
    const auto ms = static_cast<unsigned>(time.count() % 1000);
    if (ms == 0) return;
    out += '.';
    for (unsigned place = 100, left = ms; left != 0; place /= 10) {
        out += static_cast<char>('0' + left / place);
        left %= place;
    }
}

bool fits_a_header(std::string_view value)
{
    return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
    });
}

} // namespace agenthost::wire
