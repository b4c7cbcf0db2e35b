// JSON for codecs: split a frame into its top-level members, append strings to a frame. Nothing else: params and data stay raw.
//
// One simdjson DOM pass validates the whole frame (syntax, UTF-8, depth); only then is anything read. After an error nothing of the
// frame is handed out. The parser is shared by all codecs of a thread, so a connection costs no parser memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace agenthost::wire::json {

constexpr std::size_t max_depth = 64;    // deeper is an attack on someone's recursion, not a message
constexpr std::size_t max_members = 256; // at the top level of a frame

enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

// One `"key": value` of the top level.
struct Member {
    std::string_view key;     // unescaped
    std::string_view key_raw; // as written, with its quotes
    std::string_view raw;     // the value as written
    std::string_view text;    // a string's value, unescaped; else empty
    Kind kind = Kind::null;

    [[nodiscard]] bool escaped() const
    {
        return text.size() + 2 != raw.size();
    } // an escape is longer than what it means
};

// The members of one JSON object, or nullopt and why not. A key that comes twice is refused: which of the two counts would be a
// guess. `raw` and `key_raw` point into `frame`; `key` and `text` live until the next split() on this thread.
std::optional<std::span<const Member>> split(std::string_view frame, std::string& why);

// Appends a JSON string with its quotes; what is not UTF-8 becomes U+FFFD.
void append(std::string& out, std::string_view text);

} // namespace agenthost::wire::json
