// A small 1-bit picture, and the interface that supplies pictures of characters. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace agenthost::printer {

// Each row has (width + 7) / 8 bytes. The highest bit of a byte is its leftmost dot; 1 is black.
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
    // Makes the dot black. Has no effect outside the picture.
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
    // Returns a picture of the character that fits into `width` x `height` dots, or nullopt if no font has
    // the character.
    [[nodiscard]] virtual std::optional<Bitmap> glyph(char32_t character, unsigned width,
                                                      unsigned height) const = 0;
};

} // namespace agenthost::printer
