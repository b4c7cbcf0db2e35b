// Reads RFC 3339 times to the nanosecond, as engines stamp log lines and states.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace agenthost::docker::engine {

struct Stamp {
    std::int64_t ns = 0;  // since 1970, UTC
    std::size_t size = 0; // bytes of the text that it took
};

// The time at the start of `text`: "2026-11-30T08:00:00[.1 to 9 digits](Z|+hh:mm|-hh:mm)". nullopt: not a
// time, or outside 1970 to 2261.
std::optional<Stamp> read_stamp(std::string_view text);

// The longest that read_stamp() takes.
constexpr std::size_t max_stamp = 35;

// Reads a complete member such as "StartedAt"; 0 for anything else, including "0001-01-01T00:00:00Z".
std::int64_t stamp_ns(std::string_view text);

} // namespace agenthost::docker::engine
