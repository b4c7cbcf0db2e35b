// Functions shared by codecs with JSON answers: the default outcome of a code, outcome names, the readable
// message beside the data, reading of numbers and flags, and defaults for a missing Environment.
#pragma once

#include "wire/codec.hpp"
#include "wire/json/json.hpp"

#include "base/json_writer.hpp"
#include "base/trim.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace agenthost::wire {

// The outcome that an error's code implies if the frame does not contain one.
Outcome outcome_of(std::string_view code);
std::string_view to_string(Outcome);
std::optional<Outcome> outcome_named(std::string_view word);

// False: this JSON certainly has no member `key` at its top level. True: it may have one; use split(). Cheap.
bool may_have(std::string_view json, std::string_view key);

// Panel and print have a member beside the data for a readable message; a plugin puts it into the string
// member "message" of its data. False: `data` has no such message (or one longer than max_length::text); else
// it is appended to `message`, as JSON with its quotes, and the other members to `rest`, which stays empty if
// there are none.
bool cut_message(std::string_view data, std::string& message, std::string& rest);
// The reverse: the data with the message (text) as first member. Unchanged if the data has one or is not an
// object.
std::string_view with_message(std::string_view message, std::string_view data, std::string& memory);

// The refusal of a frame that split() rejected, from what the codec read in its salvaged members: with the id
// of the command that it would have been.
Malformed refused_with(const FromServer& salvaged, std::string why);

// Clears memory that is reused for each frame; frees it if a big frame has enlarged it.
void renew(std::string& memory);

// True if this valid JSON is an object.
inline bool is_object(std::string_view json)
{
    return base::trim_front(json, base::json_space).starts_with('{');
}
// The members of a JSON object as written, without its braces. Empty for "{}" and for a value that is not an
// object.
std::string_view members_of(std::string_view object);

// Seconds as a JSON number. nullopt: not a number, negative, or more than a year.
std::optional<milliseconds> from_seconds(std::string_view json);
void append_seconds(std::string& out, milliseconds);

// Writes a member: a time as ISO 8601 text.
void write_time(base::JsonWriter&, const base::JsonKey&, std::int64_t utc_ms);

// A codec without an Environment uses time 0 and empty ids.
inline std::int64_t now(const Environment& environment)
{
    return environment.utc_ms ? environment.utc_ms() : 0;
}
inline std::string new_id(const Environment& environment)
{
    return environment.uuid ? environment.uuid() : std::string{};
}

// True if the text may be an HTTP header's value unchanged.
bool fits_a_header(std::string_view);

} // namespace agenthost::wire
