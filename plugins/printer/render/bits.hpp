// Rows of dots, eight in a byte, the leftmost one in the highest bit. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace agenthost::printer::render {

using Bytes = std::span<const std::uint8_t>;

inline bool bit_at(Bytes row, std::size_t i) { return (row[i / 8] >> (7 - i % 8) & 1) != 0; }

// Writes each of the first `count` dots of the row `factor` times to `to`. `to` must have at least
// (count * factor + 7) / 8 bytes and is overwritten.
inline void widen(Bytes row, std::size_t count, std::size_t factor, std::span<std::uint8_t> to)
{
    for (std::size_t i = 0; i < (count * factor + 7) / 8; ++i) to[i] = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (!bit_at(row, i)) continue;
        for (std::size_t x = i * factor; x < (i + 1) * factor; ++x)
            to[x / 8] |= static_cast<std::uint8_t>(0x80U >> (x % 8));
    }
}

} // namespace agenthost::printer::render
