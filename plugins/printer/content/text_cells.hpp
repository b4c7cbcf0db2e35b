// Arranges characters in the cells of lines: which of them the printer can print, their width, and line
// breaks. Pure.
#pragma once

#include "charset.hpp"
#include "code_page.hpp"
#include "profile.hpp"

#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::printer {

// The ways to print a character: bit n stands for code page n (ESC t n), the last bit for the CJK mode. If no
// bit is set, the character has to be drawn.
constexpr std::size_t cjk_way = 256;
using Ways = std::bitset<257>;

struct Printable {
    Ways ways;
    // Cells on the line: 2 for double-byte characters, 0 for marks that are drawn over the previous
    // character.
    unsigned cells = 1;
};

// Knows which characters the profile's printer has. A narrow character is printed from a code page if one
// contains it, because a double-byte charset would print it two cells wide.
class Repertoire {
public:
    explicit Repertoire(const Profile& profile);
    // The reference stays valid as long as this object.
    const Printable& of(char32_t character);
    // Returns the bytes that print the character in one of its ways.
    std::string encode(char32_t character, std::size_t way);

private:
    struct Page {
        std::uint8_t number;
        const CodePage* table;
    };
    std::vector<Page> pages_;
    std::string cjk_charset_;
    CjkEncoder cjk_;
    std::unordered_map<char32_t, Printable> known_;
};

struct Cell {
    char32_t character = 0;
    const Printable* printable = nullptr;
};
using Cells = std::vector<Cell>;

struct LineRules {
    // Cells of a line, at least 2. A tab moves to the next multiple of `tab`.
    unsigned columns = 42, tab = 8;
    // If true, lines break at spaces if they contain any, else anywhere.
    bool words = true;
};

// Breaks text into lines. Lines end at \n, \r\n, \r, U+0085, U+2028 and U+2029. Other control characters are
// removed and counted in `dropped`. Typographic spaces and hyphens become plain ones. Invisible format
// characters are removed and not counted.
std::vector<Cells> break_lines(std::u32string_view text, const LineRules& rules, Repertoire& repertoire,
                               std::size_t& dropped);

unsigned width_of(const Cells& cells);

} // namespace agenthost::printer
