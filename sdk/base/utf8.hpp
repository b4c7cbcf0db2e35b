// Validates UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace agenthost::base {

// Bytes of the character at text[i]; 0: they are not valid UTF-8 (overlong forms and surrogates are not) or
// cut short.
inline std::size_t utf8_length(std::string_view text, std::size_t i = 0)
{
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const auto tail = [&](std::size_t at, unsigned char low, unsigned char high) {
        return at < text.size() && byte(at) >= low && byte(at) <= high;
    };
    const unsigned char c = byte(i);
    if (c < 0x80) return 1;
    if (c >= 0xc2 && c <= 0xdf && tail(i + 1, 0x80, 0xbf)) return 2;
    if (c >= 0xe0 && c <= 0xef && tail(i + 1, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf) &&
        tail(i + 2, 0x80, 0xbf))
        return 3;
    if (c >= 0xf0 && c <= 0xf4 && tail(i + 1, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf) &&
        tail(i + 2, 0x80, 0xbf) && tail(i + 3, 0x80, 0xbf))
        return 4;
    return 0;
}

// The offset of the first byte that is not part of valid UTF-8; text.size() when all is valid.
inline std::size_t utf8_valid_prefix(std::string_view text)
{
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8_length(text, i);
        if (length == 0) return i;
        i += length;
    }
    return text.size();
}

} // namespace agenthost::base
