// Parses sizes ("1MiB") and durations ("30s"), with one grammar for the configuration file, the command line
// and our plugins.
//
//     NUMBER [space] UNIT      NUMBER: digits with an optional decimal fraction ("1.5"); UNIT: in any case
//     size      none or B: bytes; K, KB, KiB; M, MB, MiB; G, GB, GiB; T, TB, TiB: powers of 1024 in every
//               spelling
//     duration  ms, s, m, h, d; a bare 0 needs no unit, any other bare number is rejected because its
//               unit would be a guess
//
// Six digits of a fraction are used, rounded down to a byte or millisecond (1.1GiB); "1.5B" and "0.5ms" are
// rejected. Largest: 2^62 bytes, 100 years.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::base {

// nullopt and `why`: a clause that fits behind "expected", such as "a size such as 512KiB, 1MiB or 2GiB".
std::optional<std::uint64_t> parse_size(std::string_view, std::string& why);
std::optional<std::chrono::milliseconds> parse_duration(std::string_view, std::string& why);

// Writes the largest unit that is exact; parses back to the same value.
std::string format_size(std::uint64_t);
std::string format_duration(std::chrono::milliseconds);

// The grammar as a regular expression for JSON Schemas.
inline constexpr const char* size_pattern = "^[0-9]+(\\.[0-9]+)? *([KMGTkmgt]?([iI]?[bB])?)$";
inline constexpr const char* duration_pattern = "^[0-9]+(\\.[0-9]+)? *([mM]?[sS]|[mMhHdD])$";

} // namespace agenthost::base
