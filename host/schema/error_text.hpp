// Helpers for error messages: the nearest known key, quoted and shortened text. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace agenthost::host {

// The candidate nearest to `word`, if it is close enough to be a typo (at most a third of its letters
// differ); else empty.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

// `; did you mean "size"?`, or `; known are "a", "b"` (at most 8), or empty.
std::string hint(std::string_view word, std::span<const std::string_view> candidates);

// In double quotes, cut at `max` bytes, control characters replaced: safe for one line of a log.
std::string quote(std::string_view text, std::size_t max = 64);

// The text with a full stop, unless it ends with one already.
std::string sentence(std::string text);

} // namespace agenthost::host
