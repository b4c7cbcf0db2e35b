// What a job needs to know about ESC/POS: how many bytes the command that is open still misses. An image that
// was cut off would otherwise take the next receipt for its own rest.
#pragma once

#include "plugins/printer/device/link.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::printer::job {

// Follows the bytes that a printer took.
class CommandTracker {
public:
    virtual ~CommandTracker() = default;
    virtual void reset() = 0; // at the start of a job, or after ESC @
    virtual void feed(Bytes) = 0;
    [[nodiscard]] virtual std::size_t missing() const = 0; // 0: between two commands
};

// More is never sent: a damaged job can declare an image of half a gigabyte. ESC @ follows in any case.
constexpr std::uint64_t max_filler = std::uint64_t{1} << 20;

// The largest number of bytes that may be missing if a break came anywhere at or after `taken`: after a
// restart the exact byte is not known. Uses and resets the tracker.
std::uint64_t most_missing(CommandTracker&, Bytes content, std::uint64_t taken);

// ESC @: what an earlier job has set (bold, a code page, half a line) ends.
inline constexpr std::string_view reset_bytes{"\x1b@"};

// The bytes that make a printer forget an interrupted job: `missing` zeros end an open command, CAN empties
// the buffer of page mode, DLE DC4 8 (`clear_buffer`) the receive buffer, ESC @ the rest.
std::string cleanup_bytes(std::uint64_t missing, bool page_mode, bool clear_buffer);

} // namespace agenthost::printer::job
