// Validates UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace agenthost::base {

// The offset of the first byte that is not part of valid UTF-8 (overlong forms and surrogates are not); text.size() when all is valid.
inline std::size_t utf8_valid_prefix(std::string_view text)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto tail = [&](std::size_t i, unsigned char low, unsigned char high) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    std::size_t i = 0;
    while (i < text.size()) {
        const unsigned char c = byte(i);
        std::size_t length = 0;
        if (c < 0x80)
            length = 1;
        else if (c >= 0xc2 && c <= 0xdf && tail(i + 1, 0x80, 0xbf))
            length = 2;
        else if (c >= 0xe0 && c <= 0xef && tail(i + 1, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf) &&
                 tail(i + 2, 0x80, 0xbf))
            length = 3;
        else if (c >= 0xf0 && c <= 0xf4 && tail(i + 1, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf) &&
                 tail(i + 2, 0x80, 0xbf) && tail(i + 3, 0x80, 0xbf))
            length = 4;
        if (length == 0) return i;
        i += length;
    }
    return i;
}

} // namespace agenthost::base
