#include "fields.hpp"

#include <algorithm>

namespace agenthost::wire {
namespace {

// Larger memory is freed when the next small frame arrives.
constexpr std::size_t kept_scratch = 32 << 10;

} // namespace

void Scratch::begin(std::string_view frame)
{
    if (memory_.capacity() > kept_scratch && frame.size() < kept_scratch) memory_ = {};
    memory_.clear();
    needed_ = frame.size() + 2; // and the braces of an object
}

std::string_view Scratch::append(std::string_view text)
{
    memory_.reserve(needed_); // at most once per frame, before any view exists
    const std::size_t begin = memory_.size();
    memory_ += text;
    return std::string_view{memory_}.substr(begin);
}

std::string_view Scratch::keep(const json::Member& member)
{
    if (!member.escaped()) return member.raw.substr(1, member.raw.size() - 2);
    return append(member.text);
}

std::string_view Scratch::object(std::span<const json::Member> members,
                                 std::span<const std::string_view> skip)
{
    memory_.reserve(needed_);
    const std::size_t begin = memory_.size();
    base::JsonWriter json{memory_};
    json.object();
    for (const json::Member& member : members)
        if (std::find(skip.begin(), skip.end(), member.key) == skip.end()) write_member(json, member);
    json.end();
    return std::string_view{memory_}.substr(begin);
}

std::string_view FieldReader::text(std::string_view key, std::size_t max)
{
    const json::Member* member = find(members_, key);
    if (!problem.empty() || !member || member->kind == json::Kind::null) return {};
    if (member->kind != json::Kind::string) {
        problem = std::string{key} + " is not a string";
    } else if (member->text.size() > max) {
        problem = std::string{key} + " is longer than " + std::to_string(max) + " bytes";
    } else {
        return scratch_.keep(*member);
    }
    return {};
}

std::string_view FieldReader::identifier(std::string_view key, std::size_t max)
{
    const std::string_view value = text(key, max);
    if (value.find('\0') == std::string_view::npos) return value;
    problem = std::string{key} + " has a NUL character";
    return {};
}

std::string_view FieldReader::needed(std::string_view key, std::size_t max)
{
    const std::string_view value = identifier(key, max);
    if (value.empty() && problem.empty()) problem = std::string{key} + " is missing";
    return value;
}

std::string_view FieldReader::raw(std::string_view key)
{
    const json::Member* member = find(members_, key);
    return member && member->kind != json::Kind::null ? member->raw : std::string_view{};
}

std::string_view clip(std::string_view text, std::size_t max)
{
    if (text.size() <= max) return text;
    std::size_t end = max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end; // inside a character
    return text.substr(0, end);
}

void write_field(base::JsonWriter& json, const base::JsonKey& key, std::string_view text, std::size_t max)
{
    if (!text.empty()) json.member(key, clip(text, max));
}

void write_member(base::JsonWriter& json, const json::Member& member)
{
    json.raw_member(member.key_raw, member.raw);
}

} // namespace agenthost::wire
