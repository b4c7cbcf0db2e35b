#include "adapters.hpp"

#include "plugins/printer/render/wide_font.hpp"

namespace agenthost::printer::service {

std::optional<Bitmap> RenderGlyphs::glyph(char32_t character, unsigned width, unsigned height) const
{
    auto found = render::find_glyph(render::Font::a, character);
    if (!found)
        if (const render::WideFont* wide = render::WideFont::installed()) found = wide->find(character);
    if (!found) return std::nullopt;
    const render::Glyph dots = render::resized(*found, static_cast<int>(width), static_cast<int>(height));
    Bitmap out{width, height};
    constexpr unsigned row_bits = 32;
    for (unsigned y = 0; y < height && y < dots.rows.size(); ++y)
        for (unsigned x = 0; x < width && x < row_bits; ++x)
            if ((dots.rows[y] >> (row_bits - 1 - x) & 1U) != 0) out.set(x, y);
    return out;
}

} // namespace agenthost::printer::service
