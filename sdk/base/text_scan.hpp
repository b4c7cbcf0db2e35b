// Finds the first byte of a text that is not ASCII, or that a JSON string must escape: 16 bytes at a time on
// x86-64, else 8. Gigabytes of command output pass through it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace agenthost::base {

namespace detail {

constexpr std::uint64_t every_byte(std::uint64_t value) { return value * 0x0101010101010101u; }

// The high bit of each byte of the word that is below `limit` (at most 0x80), exact up to the first such
// byte.
constexpr std::uint64_t below(std::uint64_t word, std::uint64_t limit)
{
    return (word - every_byte(limit)) & ~word & every_byte(0x80);
}
constexpr std::uint64_t equal(std::uint64_t word, std::uint64_t byte)
{
    return below(word ^ every_byte(byte), 1);
}

// Returns the index of the first special byte in `text`, or text.size(). Special flags such bytes among eight
// (in the high bits) and among sixteen (one bit each).
template <class Special> std::size_t run(std::string_view text)
{
    constexpr Special special;
    std::size_t i = 0;
#ifdef __SSE2__
    for (; i + 16 <= text.size(); i += 16) {
        const auto found = static_cast<unsigned>(
            special(_mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i))));
        if (found != 0) return i + static_cast<std::size_t>(std::countr_zero(found));
    }
#endif
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

struct NotAscii {
    constexpr std::uint64_t operator()(std::uint64_t word) const { return word & every_byte(0x80); }
#ifdef __SSE2__
    int operator()(__m128i bytes) const { return _mm_movemask_epi8(bytes); }
#endif
};

struct NotPlain {
    constexpr std::uint64_t operator()(std::uint64_t word) const
    {
        return (word & every_byte(0x80)) | below(word, 0x20) | equal(word, '"') | equal(word, '\\');
    }
#ifdef __SSE2__
    int operator()(__m128i bytes) const
    {
        // As signed numbers, bytes beyond ASCII are below the blank too.
        const __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
        const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
        const __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
        return _mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, slash)));
    }
#endif
};

} // namespace detail

// The length of the prefix that is ASCII.
inline std::size_t ascii_run(std::string_view text) { return detail::run<detail::NotAscii>(text); }

// The length of the prefix that a JSON string need not escape: ASCII without control characters, quotes and
// backslashes.
inline std::size_t plain_run(std::string_view text) { return detail::run<detail::NotPlain>(text); }

} // namespace agenthost::base
