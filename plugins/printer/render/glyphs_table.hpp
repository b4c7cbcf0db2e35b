// The generated tables of glyphs.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace agenthost::printer::render {

// A glyph's rows lie at `first` in the table's rows; `top` white rows are above them.
struct GlyphEntry {
    std::uint16_t code, first;
    std::uint8_t top, count;
};
struct GlyphTable {
    // in the order of code
    std::span<const GlyphEntry> index;
    // the lowest bit is the rightmost dot of the cell
    std::span<const std::uint16_t> rows;
};
GlyphTable font_a_table();
GlyphTable font_b_table();

} // namespace agenthost::printer::render
