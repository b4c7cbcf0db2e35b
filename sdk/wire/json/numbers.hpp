// Numbers in frames, read from their text.
#pragma once

#include "json.hpp"
#include "wire/message.hpp"

#include <cstdint>
#include <optional>

namespace agenthost::wire {

// A whole number from 0 to 2^53; else false, and `out` is as it was.
bool read_whole(const json::Member&, std::uint64_t& out);

// UTC ms as ECMAScript has them (8.64e15 at most; a fraction is cut off).
bool read_time(const json::Member&, std::int64_t& out);

// Absent, null or 0: no timeout. False: not a whole number of milliseconds, or more than a year.
bool read_timeout(const json::Member*, std::optional<milliseconds>& out);

} // namespace agenthost::wire
