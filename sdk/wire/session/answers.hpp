// What codecs with answers in JSON share: what a code means when nothing else says it, the words for outcomes, the message for people
// that stands beside the data, reading numbers and flags, and a world that may be missing.
#pragma once

#include "wire/codec.hpp"
#include "wire/json/json.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace agenthost::wire {

// What an error's code means for the journal when the frame does not say.
Outcome outcome_of(std::string_view code);
std::string_view outcome_word(Outcome);
std::optional<Outcome> outcome_named(std::string_view word);

// May this JSON have the member `key`? No: certainly not at its top level. (Cheap; a split() decides.)
bool may_have(std::string_view json, std::string_view key);

// Panel and print have a place beside the data for what people read; a plugin says it as the string member "message" of its data.
// false: `data` has no such message (or a longer one than most::text); else it is appended to `message`, as JSON with its quotes, and
// the other members to `rest`, which stays empty when there are none.
bool cut_message(std::string_view data, std::string& message, std::string& rest);
// The reverse: data with the message (text) as first member. The data as it is when it has one or is no object.
std::string_view with_message(std::string_view message, std::string_view data, std::string& memory);

// Empties memory that lives from frame to frame; what one big frame took is given back with the next.
void renew(std::string& memory);

// Is this valid JSON an object?
inline bool is_object(std::string_view json)
{
    const std::size_t begin = json.find_first_not_of(" \t\r\n");
    return begin != json.npos && json[begin] == '{';
}
// Appends the members of a JSON object as they stand, each with a comma before it. Nothing for "{}".
void append_members(std::string& out, std::string_view object);

// Seconds as a JSON number. nullopt: no number, negative, or more than a year.
std::optional<milliseconds> from_seconds(std::string_view json);
void append_seconds(std::string& out, milliseconds);

// A codec made without a world tells no time and makes no ids.
inline std::int64_t now(const World& world) { return world.utc_ms ? world.utc_ms() : 0; }
inline std::string new_id(const World& world) { return world.uuid ? world.uuid() : std::string{}; }

// May stand in an HTTP header's value as it is.
bool fits_a_header(std::string_view);

} // namespace agenthost::wire
