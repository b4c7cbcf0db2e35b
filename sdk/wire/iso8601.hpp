// Times as ISO 8601 text: panel and print write them so. Always UTC with milliseconds, as JavaScript does: a reader with one fixed
// pattern must not fail once in a thousand times.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::wire {

// Appends "2025-01-23T10:00:00.000Z" with its quotes. Outside of the years 0 to 9999: the nearest that can be written.
void append_iso8601(std::string& out, std::int64_t utc_ms);

// Seconds and their fraction may be missing; the zone is Z, +hh:mm or +hhmm, none means UTC. nullopt: no such time.
std::optional<std::int64_t> from_iso8601(std::string_view text);

} // namespace agenthost::wire
