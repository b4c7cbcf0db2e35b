// How far text goes on without a byte that needs a look, eight bytes at a time: a command's output is scanned by the gigabyte.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace agenthost::wire {

namespace detail {

constexpr std::uint64_t every_byte(std::uint64_t value) { return value * 0x0101010101010101u; }

// The high bit of each byte of the word that is below `limit` (at most 0x80), exact up to the first such byte.
constexpr std::uint64_t below(std::uint64_t word, std::uint64_t limit)
{
    return (word - every_byte(limit)) & ~word & every_byte(0x80);
}
constexpr std::uint64_t equal(std::uint64_t word, std::uint64_t byte)
{
    return below(word ^ every_byte(byte), 1);
}

// The index of the first byte in `text` that `special` flags; text.size() when there is none. `special` takes eight bytes.
template <class Special> std::size_t run(std::string_view text, Special special)
{
    std::size_t i = 0;
    if constexpr (std::endian::native == std::endian::little) {
        for (; i + 8 <= text.size(); i += 8) {
            std::uint64_t word;
            std::memcpy(&word, text.data() + i, 8);
            if (const std::uint64_t found = special(word); found != 0)
                return i + static_cast<std::size_t>(std::countr_zero(found)) / 8;
        }
    }
    for (; i < text.size(); ++i)
        if ((special(every_byte(static_cast<unsigned char>(text[i]))) & 0x80) != 0) return i;
    return text.size();
}

} // namespace detail

inline std::size_t ascii_run(std::string_view text)
{
    return detail::run(text, [](std::uint64_t word) { return word & detail::every_byte(0x80); });
}

// May stand in a JSON string as it is, each byte on its own: no control character, quote, backslash, nothing beyond ASCII.
inline std::size_t plain_run(std::string_view text)
{
    return detail::run(text, [](std::uint64_t word) {
        return (word & detail::every_byte(0x80)) | detail::below(word, 0x20) | detail::equal(word, '"') |
               detail::equal(word, '\\');
    });
}

} // namespace agenthost::wire
