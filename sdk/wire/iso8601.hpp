// Times as ISO 8601 text, used by panel and print. Always written in UTC with milliseconds, as JavaScript does, so that a reader with
// a fixed pattern also accepts whole seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::wire {

// Appends "2025-01-23T10:00:00.000Z" with its quotes. Times outside the years 0 to 9999 are clamped.
void append_iso8601(std::string& out, std::int64_t utc_ms);

// Seconds and their fraction are optional; the zone is Z, +hh:mm or +hhmm, or missing for UTC. nullopt: not a valid time.
std::optional<std::int64_t> from_iso8601(std::string_view text);

} // namespace agenthost::wire
