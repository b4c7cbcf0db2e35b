#include "outline.hpp"

#include "json.hpp"

#include "base/trim.hpp"

#include <algorithm>

namespace agenthost::wire {
namespace {

constexpr std::size_t max_name = 40, max_names = 12;

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// A key or a word of a protocol, not a token: short, of letters and what joins words, hardly any digits.
bool looks_like_a_name(std::string_view text)
{
    if (text.empty() || text.size() > max_name || !letter(text.front())) return false;
    const auto digits = std::ranges::count_if(text, [](char c) { return c >= '0' && c <= '9'; });
    return digits <= 2 && std::ranges::all_of(text, [](char c) {
               return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == ':';
           });
}

std::string object_outline(std::span<const json::Member> members)
{
    std::string out = "an object with ";
    std::size_t shown = 0;
    for (const json::Member& member : members) {
        if (shown == max_names) return out + ", and " + std::to_string(members.size() - shown) + " more";
        if (shown++ > 0) out += ", ";
        out += looks_like_a_name(member.key) ? std::string{member.key} : "(a key)";
        const bool word = member.key == "type" || member.key == "action" || member.key == "event";
        if (word && looks_like_a_name(member.text)) out += " \"" + std::string{member.text} + '"';
    }
    return out;
}

} // namespace

std::string outline(std::string_view frame)
{
    std::string out = std::to_string(frame.size()) + " bytes, ", why;
    const auto members = json::split(frame, why);
    if (members) return out + (members->empty() ? "an empty object" : object_outline(*members));
    const std::size_t begin = frame.find_first_not_of(base::json_space);
    if (begin == frame.npos) return out + "blank";
    switch (frame[begin]) {
    case '<': return out + "which look like HTML or XML";
    case '[': return out + "which look like a JSON list";
    case '{': return out + "which look like JSON but are not a valid object";
    default: return out + "not JSON";
    }
}

} // namespace agenthost::wire
