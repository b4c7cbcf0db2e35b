// Helpers for error messages: hints at known words, quoted and shortened text. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace agenthost::host {

// Returns `; did you mean "size"?` if a candidate is similar, else `; known are "a", "b"` (at most 8), or ""
// without candidates.
std::string hint(std::string_view word, std::span<const std::string_view> candidates);

// In double quotes, cut at `max` bytes, control characters replaced: safe for one line of a log.
std::string quote(std::string_view text, std::size_t max = 64);

// The text with a full stop, unless it ends with one already.
std::string sentence(std::string text);

} // namespace agenthost::host
