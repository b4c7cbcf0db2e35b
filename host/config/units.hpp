// Sizes ("1MiB") and durations ("30s") as people write them, and the word they probably meant.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host::conf {

// Bytes: a whole or decimal number and a unit. B, KiB, MiB, GiB, TiB; KB or K and so on mean the same (1024), as operators mean it.
// nullopt and `why` (a clause that fits behind "expected") when it is none.
std::optional<std::uint64_t> parse_size(std::string_view, std::string& why);
// A number and a unit: ms, s, m, h, d. A bare 0 is fine; any other bare number is refused, because its unit would be a guess.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view, std::string& why);

std::string format_size(std::uint64_t); // the largest unit that is exact
std::string format_duration(std::chrono::milliseconds);

// The nearest candidate, when near enough to be a slip of the finger; else empty.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);
// `; did you mean "x"?`, or "" when nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

} // namespace agenthost::host::conf
