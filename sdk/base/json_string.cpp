// Gigabytes of command output pass through here, mostly as short lines. So 16 bytes at a time are copied to
// their place before counting how many of them are plain: a line end then costs one byte test and no call.
#include "json_string.hpp"

#include "text_scan.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace agenthost::base {
namespace {

constexpr std::size_t stride = 16;
// This much text is escaped before it is appended.
constexpr std::size_t piece = 1024;
// The longest escape of one byte: \u001f.
constexpr std::size_t max_escape = 6;
// The longest UTF-8 sequence.
constexpr std::size_t max_sequence = 4;
constexpr std::string_view replacement = "\xEF\xBF\xBD";

// The letter after the backslash: 'u' where JSON has no short escape, 0 where none is needed.
constexpr std::array<char, 128> letters = [] {
    std::array<char, 128> table{};
    for (std::size_t c = 0; c < 0x20; ++c) table[c] = 'u';
    table['"'] = '"', table['\\'] = '\\', table['\n'] = 'n', table['\r'] = 'r', table['\t'] = 't';
    table['\b'] = 'b', table['\f'] = 'f';
    return table;
}();

char* write_escape(char* to, unsigned char c, char letter)
{
    constexpr char digits[] = "0123456789abcdef";
    *to++ = '\\';
    *to++ = letter;
    if (letter != 'u') return to;
    *to++ = '0';
    *to++ = '0';
    *to++ = digits[c >> 4];
    *to++ = digits[c & 0xF];
    return to;
}

// Writes the special character at the start of `text`; returns how many bytes of `text` it took.
std::size_t write_special(char*& to, std::string_view text)
{
    const auto c = static_cast<unsigned char>(text.front());
    if (c < 0x80) {
        to = write_escape(to, c, letters[c]);
        return 1;
    }
    const std::size_t length = utf8_length(text);
    const std::string_view written = length > 0 ? text.substr(0, length) : replacement;
    std::memcpy(to, written.data(), written.size());
    to += written.size();
    return std::max<std::size_t>(length, 1);
}

// Copies 16 bytes and returns a bit for each that is not plain. Always inline: most text needs nothing else.
[[gnu::always_inline]] inline unsigned copy_stride(char* to, const char* from)
{
#ifdef __SSE2__
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
    return static_cast<unsigned>(detail::NotPlain{}(bytes));
#else
    std::memcpy(to, from, stride);
    return 1U << plain_run({from, stride}) & 0xFFFFU;
#endif
}

// Escapes `text` from `at` until `stop`, or until the end of the character that crosses it.
char* escape(char* to, std::string_view text, std::size_t& at, std::size_t stop)
{
    while (at < stop) {
        std::size_t plain = 0;
        if (text.size() - at >= stride) {
            const unsigned special = copy_stride(to, text.data() + at);
            if (special == 0) {
                // Not by the count below: the next stride would wait for it.
                to += stride;
                at += stride;
                continue;
            }
            plain = static_cast<std::size_t>(std::countr_zero(special));
        } else {
            plain = plain_run(text.substr(at));
            std::memcpy(to, text.data() + at, plain);
        }
        to += plain;
        at += plain;
        if (at < text.size()) at += write_special(to, text.substr(at));
    }
    return to;
}

} // namespace

void append_json_string(std::string& out, std::string_view text)
{
    constexpr std::size_t short_text = 64;
    if (text.size() <= short_text && plain_run(text) == text.size()) {
        out += '"';
        out += text;
        out += '"';
        return;
    }
    // The last step of a piece may read past its end, by at most a stride or a UTF-8 sequence; two bytes are
    // for the quotes.
    std::array<char, (piece + stride + max_sequence) * max_escape + 2> buffer;
    char* to = buffer.data();
    *to++ = '"';
    for (std::size_t at = 0;;) {
        to = escape(to, text, at, std::min(text.size(), at + piece));
        if (at >= text.size()) break;
        out.append(buffer.data(), static_cast<std::size_t>(to - buffer.data()));
        to = buffer.data();
    }
    *to++ = '"';
    out.append(buffer.data(), static_cast<std::size_t>(to - buffer.data()));
}

} // namespace agenthost::base
