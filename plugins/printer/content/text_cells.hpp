// Characters as cells of a line: what a printer can print of them, how wide they are, and where lines are broken. Pure.
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

// Ways to print a character: bit n is ESC t n, the last bit is the CJK mode. None: it has to be drawn.
constexpr std::size_t cjk_way = 256;
using Ways = std::bitset<257>;

struct Printable {
    Ways ways;
    // Cells on the line: 2 for double-byte characters; 0 for marks that are drawn over the character before.
    unsigned cells = 1;
};

// What a profile's printer has of each character. A narrow character is printed from a code page where one has it, because a
// double-byte set would print it two cells wide.
class Repertoire {
public:
    explicit Repertoire(const Profile& profile);
    // Stays valid as long as this object.
    const Printable& of(char32_t character);
    // The bytes of a character by one of its ways.
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
    // Cells of a line, at least 2; a tab goes to the next multiple of `tab`.
    unsigned columns = 42, tab = 8;
    // Break at spaces where there are any, else anywhere.
    bool words = true;
};

// Cuts text into lines. Line ends are \n, \r\n, \r, U+0085, U+2028 and U+2029; other controls never reach the printer and are
// counted in `dropped`. Typographic spaces and hyphens become plain ones; invisible format characters go silently.
std::vector<Cells> break_lines(std::u32string_view text, const LineRules& rules, Repertoire& repertoire,
                               std::size_t& dropped);

unsigned width_of(const Cells& cells);

} // namespace agenthost::printer
