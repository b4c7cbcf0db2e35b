#include "adapters.hpp"

#include "plugins/printer/render/wide_font.hpp"

#include <array>
#include <string_view>
#include <utility>

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

render::Options render_options(const Profile& profile)
{
    constexpr std::array<std::pair<std::string_view, const char*>, 6> charsets{{{"gb18030", "GB18030"},
                                                                                {"gbk", "GBK"},
                                                                                {"big5", "BIG5"},
                                                                                {"shift-jis", "SHIFT_JIS"},
                                                                                {"euc-kr", "EUC-KR"},
                                                                                {"utf-8", "UTF-8"}}};
    render::Options options;
    options.width = static_cast<int>(profile.dots);
    options.dots_per_inch = static_cast<int>(profile.dpi);
    options.code_page = profile.default_page;
    for (const PageNumber& page : profile.pages) options.code_pages.emplace_back(page.number, page.charset);
    for (const auto& [name, charset] : charsets)
        if (profile.cjk.charset == name) options.charset = charset;
    options.kanji = profile.cjk.on_at_start || profile.cjk.charset == "utf-8";
    options.wide_font = render::WideFont::installed();
    return options;
}

} // namespace agenthost::printer::service
