// A small 1-bit picture, and where pictures of characters come from. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace agenthost::printer {

// Rows of (width + 7) / 8 bytes, the highest bit left; 1 is black.
struct Bitmap {
    unsigned width = 0, height = 0;
    std::vector<std::uint8_t> bits;

    Bitmap() = default;
    Bitmap(unsigned w, unsigned h) : width{w}, height{h}, bits(std::size_t{(w + 7) / 8} * h) {}
    [[nodiscard]] std::size_t row_bytes() const { return (width + 7) / 8; }
    [[nodiscard]] bool get(unsigned x, unsigned y) const
    {
        return x < width && y < height && (bits[y * row_bytes() + x / 8] >> (7 - x % 8) & 1) != 0;
    }
    // Outside the picture nothing happens.
    void set(unsigned x, unsigned y)
    {
        if (x < width && y < height)
            bits[y * row_bytes() + x / 8] |= static_cast<std::uint8_t>(0x80U >> x % 8);
    }
};

// Draws characters that the printer lacks. `service` adapts it to the glyphs of render/.
class GlyphSource {
public:
    virtual ~GlyphSource() = default;
    // The character drawn for a cell of this size, at most as large; nullopt: there is no glyph.
    [[nodiscard]] virtual std::optional<Bitmap> glyph(char32_t character, unsigned width,
                                                      unsigned height) const = 0;
};

} // namespace agenthost::printer
