#include "fields.hpp"

#include <algorithm>

namespace agenthost::wire {
namespace {

// Memory of a bigger frame is given back with the next small one.
constexpr std::size_t kept_scratch = 32 << 10;

} // namespace

void Scratch::begin(std::string_view frame)
{
    if (memory_.capacity() > kept_scratch && frame.size() < kept_scratch) memory_ = {};
    memory_.clear();
    needed_ = frame.size() + 2; // the braces of an object
}

std::string_view Scratch::append(std::string_view text)
{
    memory_.reserve(needed_); // once a frame at most, before any view exists
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
    const std::size_t begin = append("{").data() - memory_.data();
    for (const json::Member& member : members) {
        if (std::find(skip.begin(), skip.end(), member.key) != skip.end()) continue;
        if (memory_.size() > begin + 1) memory_ += ',';
        memory_ += member.key_raw;
        memory_ += ':';
        memory_ += member.raw;
    }
    memory_ += '}';
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

void append_field(std::string& out, std::string_view key, std::string_view text, std::size_t max)
{
    if (text.empty()) return;
    out += ",\"";
    out += key;
    out += "\":";
    json::append(out, clip(text, max));
}

} // namespace agenthost::wire
