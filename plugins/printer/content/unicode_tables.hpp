// Generated tables: code pages of printers, widths and compositions of characters. Use code_page.hpp and cells.hpp instead. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace agenthost::printer::tables {

// The upper half of a single-byte code page: 0x80 to 0xFF; 0: no character. The lower half is ASCII.
struct PageTable {
    std::string_view name;
    std::array<char16_t, 128> upper;
};
struct Range {
    char32_t first, last;
};
// `base` and the combining `mark` behind it are `whole`. Sorted by base, then mark.
struct Composition {
    char16_t base, mark, whole;
};

// Sorted by name.
std::span<const PageTable> pages();
// Sorted; characters of two cells (East Asian width W or F), and of none.
std::span<const Range> wide();
std::span<const Range> zero();
std::span<const Composition> compositions();

} // namespace agenthost::printer::tables
