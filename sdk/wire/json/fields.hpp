// Reading and writing the fields of a frame under the house's rules: every string has a maximum, identifiers
// hold no NUL.
#pragma once

#include "json.hpp"

#include <span>
#include <string>
#include <string_view>

namespace agenthost::wire {

// In bytes. What we write is cut to the same maxima.
namespace most {
constexpr std::size_t id = 256; // request_id, agent_id
constexpr std::size_t action = 128;
constexpr std::size_t secret = 8192; // a JWT with many claims
constexpr std::size_t word = 64;     // status, code
constexpr std::size_t text = 4096;   // messages for people
} // namespace most

inline const json::Member* find(std::span<const json::Member> members, std::string_view key)
{
    for (const json::Member& member : members) {
        if (member.key == key) return &member;
    }
    return nullptr;
}

// Memory for what a decoded message cannot point to in the frame: unescaped strings, params put together
// anew. Never more than the frame itself, reserved at once, so that views into it stay.
class Scratch {
public:
    void begin(std::string_view frame);
    std::string_view keep(const json::Member&); // a string's value
    // One JSON object of the members that `skip` does not name, as written.
    std::string_view object(std::span<const json::Member>, std::span<const std::string_view> skip);

private:
    std::string_view append(std::string_view);

    std::string memory_;
    std::size_t needed_ = 0;
};

// Reads string fields one after another; the first that breaks a rule sets `problem`, and the rest read as
// empty.
class FieldReader {
public:
    FieldReader(std::span<const json::Member> members, Scratch& scratch)
        : members_{members}, scratch_{scratch}
    {}

    // Absent or null: empty.
    std::string_view text(std::string_view key, std::size_t max);
    std::string_view identifier(std::string_view key, std::size_t max); // also: no NUL
    // An identifier that must be there and not empty.
    std::string_view needed(std::string_view key, std::size_t max);
    std::string_view raw(std::string_view key); // any value as written; absent or null: empty

    std::string problem; // empty: none so far

private:
    std::span<const json::Member> members_;
    Scratch& scratch_;
};

// The longest beginning of `text` within `max` bytes that does not cut a character.
std::string_view clip(std::string_view text, std::size_t max);

// Appends ,"key":"text" (`key` is plain ASCII). Nothing when the text is empty.
void append_field(std::string& out, std::string_view key, std::string_view text, std::size_t max);

} // namespace agenthost::wire
