// The characters of the printer's own fonts as dots: font A (12 x 24) and font B (9 x 17), made from the
// Terminus font. Pure; the tables are constants of the program.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace agenthost::printer::render {

enum class Font : std::uint8_t { a, b };

inline constexpr int max_glyph_width = 32, max_glyph_height = 32;

// The dots of a character. The highest bit of a row is its leftmost dot.
struct Glyph {
    int width = 0, height = 0;
    std::array<std::uint32_t, max_glyph_height> rows{};
    bool operator==(const Glyph&) const = default;
};

struct CellSize {
    int width, height;
};
constexpr CellSize cell_of(Font font) { return font == Font::a ? CellSize{12, 24} : CellSize{9, 17}; }

// Returns the character's glyph, or nullopt if the font does not have it.
std::optional<Glyph> find_glyph(Font, char32_t);
// Returns an empty box, which is drawn for a character that no font has.
Glyph missing_glyph(int width, int height);
// Returns the glyph scaled to another size by repeating dots.
Glyph resized(const Glyph&, int width, int height);
// Returns the glyph turned clockwise by 90 degrees.
Glyph turned(const Glyph&);

} // namespace agenthost::printer::render
