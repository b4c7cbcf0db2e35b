// Reads and writes times as ISO 8601 text. Written always in UTC with milliseconds, as JavaScript does: a
// reader with one fixed pattern must not fail once in a thousand times.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::base {

// "2025-01-23T10:00:00.000Z". Outside of the years 0 to 9999: the nearest that can be written.
std::string iso8601(std::int64_t utc_ms);

// Appends it in quotes, as a JSON string.
void append_iso8601(std::string& out, std::int64_t utc_ms);

// Seconds and their fraction may be missing; the zone is Z, +hh:mm or +hhmm, none means UTC. nullopt: no such
// time.
std::optional<std::int64_t> from_iso8601(std::string_view text);

} // namespace agenthost::base
