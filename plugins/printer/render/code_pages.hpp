// What a byte from 0x80 on, and what the national variants of ASCII mean: a printer's code pages. Pure; for
// reading what a job prints (composing a job is content/).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace agenthost::printer::render {

struct CodePage {
    // "CP437", "ISO-8859-15", "TIS-620", "KATAKANA"
    std::string_view name;
    // of the bytes 0x80 to 0xff; 0: the page has no such character
    std::array<std::uint16_t, 128> upper;
};

// All of them, in the order of their names.
std::span<const CodePage> code_pages();
// By name, whatever its case; nullptr: unknown.
const CodePage* find_code_page(std::string_view name);
// What ESC t `number` selects on Epson's printers; nullptr: a page that is not known here. Other makers count
// differently: a profile says how (Options::code_pages).
const CodePage* epson_code_page(std::uint8_t number);

// The character that ESC R `set` (0 USA, 1 France, ... 17 Arabia) prints for an ASCII byte.
char32_t international(std::uint8_t set, std::uint8_t byte);

} // namespace agenthost::printer::render
