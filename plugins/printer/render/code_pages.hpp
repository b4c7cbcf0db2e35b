// The printers' code pages: which characters the bytes from 0x80 on print, and which ones the national
// variants of ASCII print. The only table of code pages: the decoder reads jobs with it, content/ composes
// jobs with it. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer::render {

struct CodePage {
    // Canonical name: "cp437", "iso8859-15", "katakana".
    std::string_view name;
    // Bit n is set if every printer with this page prints the same character for byte 0x80 + n. For the other
    // bytes makers differ (graphics around katakana, the euro in page 857), so content/ does not use them.
    std::array<std::uint64_t, 2> certain;
    // The characters of the bytes 0x80 to 0xff; 0 if the byte has none.
    std::array<char16_t, 128> upper;

    [[nodiscard]] constexpr bool is_certain(std::uint8_t byte) const
    {
        return (certain[byte >> 6U & 1U] >> (byte & 63U) & 1U) != 0;
    }
};

// Returns the canonical name of a charset: "cp437" for "IBM437", "pc437" and "CP437", "cp1252" for
// "Windows-1252", "iso8859-15" for "Latin-9", "kz1048" for "RK1048", "shift-jis" for "SJIS". Returns an
// unknown name in lower case.
std::string canonical_charset(std::string_view name);

// Returns all pages, sorted by name.
std::span<const CodePage> code_pages();
std::vector<std::string_view> code_page_names();
// Returns the page with this name, in any spelling that canonical_charset knows, or nullptr.
const CodePage* find_code_page(std::string_view name);
// Returns the page that ESC t `number` selects on Epson's printers, or nullptr if Epson does not use the
// number. Other makers number their pages differently; Options::code_pages overrides these numbers.
const CodePage* epson_code_page(std::uint8_t number);

// Returns the character that an ASCII byte prints after ESC R `set` (0 USA, 1 France, ... 17 Arabia).
char32_t international(std::uint8_t set, std::uint8_t byte);

} // namespace agenthost::printer::render
