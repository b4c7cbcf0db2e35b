// Words for people: the nearest known key, quoted and bounded text. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace agenthost::host {

// The candidate nearest to `word` when it is near enough to be a slip of the finger (at most a third of its
// letters); else empty.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

// `; did you mean "size"?`, or `; known are "a", "b"` (at most 8), or empty.
std::string hint(std::string_view word, std::span<const std::string_view> candidates);

// In double quotes, cut at `most` bytes, control characters replaced: safe for one line of a log.
std::string quote(std::string_view text, std::size_t most = 64);

// The text with a full stop, unless it ends with one already.
std::string sentence(std::string text);

} // namespace agenthost::host
