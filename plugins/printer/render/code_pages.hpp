// What a byte from 0x80 on, and what the national variants of ASCII mean: a printer's code pages, by the names that
// people and profiles use for them. Pure. Both directions use this table: reading what a job prints (decoder), and
// composing a job (content/).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer::render {

struct CodePage {
    // canonical: "cp437", "iso8859-15", "katakana"
    std::string_view name;
    // Bit n is set if every printer with this page prints the same character for byte 0x80 + n. Makers differ about the
    // others (graphics around katakana, the euro in page 857), so that composing leaves them out.
    std::array<std::uint64_t, 2> certain;
    // The characters of the bytes 0x80 to 0xff; 0: no character.
    std::array<char16_t, 128> upper;

    [[nodiscard]] constexpr bool is_certain(std::uint8_t byte) const
    {
        return (certain[byte >> 6U & 1U] >> (byte & 63U) & 1U) != 0;
    }
};

// The canonical name of a charset: "IBM437", "pc437" and "CP437" are "cp437", "Windows-1252" is "cp1252", "Latin-9" is
// "iso8859-15", "RK1048" is "kz1048", "SJIS" is "shift-jis". An unknown name is only made lower-case.
std::string canonical_charset(std::string_view name);

// All pages, in the order of their names.
std::span<const CodePage> code_pages();
std::vector<std::string_view> code_page_names();
// By name in any spelling that canonical_charset knows; nullptr: unknown.
const CodePage* find_code_page(std::string_view name);
// What ESC t `number` selects on Epson's printers; nullptr: unknown. Other makers count differently: a profile says how
// (Options::code_pages).
const CodePage* epson_code_page(std::uint8_t number);

// The character that ESC R `set` (0 USA, 1 France, ... 17 Arabia) prints for an ASCII byte.
char32_t international(std::uint8_t set, std::uint8_t byte);

} // namespace agenthost::printer::render
