// Numbers in frames, read from their text.
#pragma once

#include "json.hpp"
#include "wire/message.hpp"

#include <cstdint>
#include <optional>

namespace agenthost::wire {

// Reads a whole number from 0 to 2^53; else returns false and leaves `out` unchanged.
bool read_whole(const json::Member&, std::uint64_t& out);

// Reads UTC ms in ECMAScript's range (at most 8.64e15; a fraction is truncated).
bool read_time(const json::Member&, std::int64_t& out);

// Absent, null or 0: no timeout. False: not a whole number of milliseconds, or more than a year.
bool read_timeout(const json::Member*, std::optional<milliseconds>& out);

} // namespace agenthost::wire
