// Reads and writes the members of a frame. Every string has a maximum length; identifiers contain no NUL.
#pragma once

#include "json.hpp"

#include "base/json_writer.hpp"

#include <span>
#include <string>
#include <string_view>

namespace agenthost::wire {

// Maximum lengths in bytes. Strings that we write are cut to them.
namespace max_length {
constexpr std::size_t id = 256; // request_id, agent_id
constexpr std::size_t action = 128;
constexpr std::size_t secret = 8192; // a JWT with many claims
constexpr std::size_t word = 64;     // status, code
constexpr std::size_t text = 4096;   // messages for people
} // namespace max_length

inline const json::Member* find(std::span<const json::Member> members, std::string_view key)
{
    for (const json::Member& member : members) {
        if (member.key == key) return &member;
    }
    return nullptr;
}

// Storage for the parts of a decoded message that are not in the frame as such: unescaped strings, and params
// made of some of the frame's members. Never larger than the frame, and reserved at once, so that views into
// it stay valid.
class Scratch {
public:
    void begin(std::string_view frame);
    // A string's value.
    std::string_view keep(const json::Member&);
    // A JSON object of the members that `skip` does not name, each unchanged.
    std::string_view object(std::span<const json::Member>, std::span<const std::string_view> skip);

private:
    std::string_view append(std::string_view);

    std::string memory_;
    std::size_t needed_ = 0;
};

// Reads string members. The first that breaks a rule sets `problem`; later ones read as empty.
class FieldReader {
public:
    FieldReader(std::span<const json::Member> members, Scratch& scratch)
        : members_{members}, scratch_{scratch}
    {}

    // Empty if absent or null.
    std::string_view text(std::string_view key, std::size_t max);
    // Like text(), without NUL characters.
    std::string_view identifier(std::string_view key, std::size_t max);
    // An identifier that must be present and not empty.
    std::string_view needed(std::string_view key, std::size_t max);
    // Any value as written; empty if absent or null.
    std::string_view raw(std::string_view key);

    // Empty: no problem so far.
    std::string problem;

private:
    std::span<const json::Member> members_;
    Scratch& scratch_;
};

// The first `max` bytes of `text` at most, cut between characters.
std::string_view clip(std::string_view text, std::size_t max);

// Writes a member whose text is cut to `max` bytes; nothing if the text is empty.
void write_field(base::JsonWriter&, const base::JsonKey&, std::string_view text, std::size_t max);
// Writes a member of another object unchanged.
void write_member(base::JsonWriter&, const json::Member&);

} // namespace agenthost::wire
