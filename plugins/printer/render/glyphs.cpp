#include "glyphs.hpp"

#include "glyphs_table.hpp"

#include <algorithm>

namespace agenthost::printer::render {

namespace {

constexpr std::uint32_t leftmost = 0x80000000U;

bool dot(const Glyph& glyph, int x, int y)
{
    return (glyph.rows[static_cast<std::size_t>(y)] & leftmost >> x) != 0;
}

} // namespace

std::optional<Glyph> find_glyph(Font font, char32_t code)
{
    const GlyphTable table = font == Font::a ? font_a_table() : font_b_table();
    const auto entry = std::ranges::lower_bound(table.index, code, {}, &GlyphEntry::code);
    if (entry == table.index.end() || entry->code != code) return std::nullopt;
    const CellSize cell = cell_of(font);
    Glyph glyph{cell.width, cell.height, {}};
    for (std::size_t i = 0; i < entry->count; ++i)
        glyph.rows[entry->top + i] = std::uint32_t{table.rows[entry->first + i]} << (32 - cell.width);
    return glyph;
}

Glyph missing_glyph(int width, int height)
{
    Glyph glyph{width, height, {}};
    const std::uint32_t edges = leftmost >> 1 | leftmost >> (width - 2);
    const std::uint32_t whole = ~0U << (32 - width + 1) >> 1 & ~(leftmost >> (width - 1));
    for (int y = 3; y < height - 3; ++y)
        glyph.rows[static_cast<std::size_t>(y)] = y == 3 || y == height - 4 ? whole : edges;
    return glyph;
}

Glyph resized(const Glyph& from, int width, int height)
{
    Glyph to{width, height, {}};
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            if (dot(from, x * from.width / width, y * from.height / height))
                to.rows[static_cast<std::size_t>(y)] |= leftmost >> x;
    return to;
}

Glyph turned(const Glyph& from)
{
    Glyph to{from.height, from.width, {}};
    for (int y = 0; y < from.height; ++y)
        for (int x = 0; x < from.width; ++x)
            if (dot(from, x, y)) to.rows[static_cast<std::size_t>(x)] |= leftmost >> (from.height - 1 - y);
    return to;
}

} // namespace agenthost::printer::render
