#include "code_page.hpp"

namespace agenthost::printer {

std::optional<std::uint8_t> encode(const CodePage& page, char32_t character)
{
    if (character < 0x80) {
        if (character < 0x20 || character == 0x7F) return std::nullopt;
        return static_cast<std::uint8_t>(character);
    }
    for (unsigned byte = 0x80; byte < 0x100; ++byte)
        if (decode(page, static_cast<std::uint8_t>(byte)) == character)
            return static_cast<std::uint8_t>(byte);
    return std::nullopt;
}

std::optional<char32_t> decode(const CodePage& page, std::uint8_t byte)
{
    if (byte < 0x80) return byte;
    if (!page.is_certain(byte)) return std::nullopt;
    return page.upper[byte - 0x80U];
}

} // namespace agenthost::printer
