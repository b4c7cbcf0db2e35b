#include "line.hpp"

#include "decoder.hpp"

#include <algorithm>

namespace agenthost::printer::render {

int Line::width_of(const Glyph& glyph, const Style& style)
{
    const int width = style.turned ? glyph.height : glyph.width;
    return (width + style.spacing) * style.x_scale;
}

void Line::add(const Glyph& glyph, char32_t code, const Style& style)
{
    const Glyph drawn = style.turned ? render::turned(glyph) : glyph;
    const Cell cell{
        x_, (drawn.width + style.spacing) * style.x_scale, drawn.height * style.y_scale, code, style, drawn,
        -1};
    x_ += cell.width;
    width_ = std::max(width_, x_);
    height_ = std::max(height_, cell.height);
    cells_.push_back(cell);
}

void Line::add(Image image, int x_scale, int y_scale)
{
    Style style;
    style.x_scale = x_scale;
    style.y_scale = y_scale;
    const Cell cell{x_, image.width * x_scale,           image.height * y_scale, 0, style,
                    {}, static_cast<int>(images_.size())};
    x_ += cell.width;
    width_ = std::max(width_, x_);
    height_ = std::max(height_, cell.height);
    image_bytes_ += image.bytes.size();
    images_.push_back(std::move(image));
    cells_.push_back(cell);
}

void Line::draw(Surface& surface, int x, int y, const Cell& cell)
{
    std::array<std::uint8_t, max_glyph_width> wide{};
    std::array<std::uint8_t, max_glyph_width / 8> row{};
    const auto factor = static_cast<std::size_t>(cell.style.x_scale);
    const int dots = std::min(cell.glyph.width + cell.style.spacing, max_glyph_width) * cell.style.x_scale;
    if (cell.style.inverse) surface.fill({x, y, cell.width, cell.height});
    for (int i = 0; i < cell.glyph.height; ++i) {
        std::uint32_t bits = cell.glyph.rows[static_cast<std::size_t>(i)];
        if (bits == 0) continue;
        if (cell.style.bold) bits |= bits >> 1;
        for (std::size_t b = 0; b < row.size(); ++b) row[b] = static_cast<std::uint8_t>(bits >> (24 - 8 * b));
        Bytes from = row;
        if (factor > 1) {
            widen(row, max_glyph_width, factor, wide);
            from = wide;
        }
        for (int r = 0; r < cell.style.y_scale; ++r) {
            const int at = y + i * cell.style.y_scale + r;
            if (cell.style.inverse)
                surface.flip_row(x, at, from, dots);
            else
                surface.add_row(x, at, from, dots);
        }
    }
    if (cell.style.underline > 0 && !cell.style.turned && !cell.style.inverse)
        surface.fill({x, y + cell.height - cell.style.underline, cell.width, cell.style.underline});
}

void Line::draw_image(Surface& surface, int x, int y, const Cell& cell) const
{
    const Image& image = images_[static_cast<std::size_t>(cell.image)];
    for (int row = 0; row < image.height; ++row)
        draw_row(surface, x, y + row * cell.style.y_scale, image.row(row), image.width, cell.style.x_scale,
                 cell.style.y_scale);
}

void Line::print(Paper& paper, const Layout& layout, bool upside_down)
{
    const int left = layout.x_of(width_);
    std::uint64_t dots = 0;
    for (const Cell& cell : cells_)
        dots += static_cast<std::uint64_t>(std::min(cell.width, paper.width())) *
                static_cast<std::uint64_t>(cell.height);
    if (!cells_.empty() && paper.begin(height_, dots)) {
        const int y = paper.y();
        Surface surface = paper.surface();
        if (upside_down) {
            // The whole printing area turns, so the left of the job is the right of the paper.
            Surface turned = surface.turned({layout.left, y, layout.width, height_});
            for (const Cell& cell : cells_) {
                const int x = left - layout.left + cell.x, top = height_ - cell.height;
                cell.image < 0 ? draw(turned, x, top, cell) : draw_image(turned, x, top, cell);
            }
        } else {
            for (const Cell& cell : cells_) {
                const int top = y + height_ - cell.height;
                cell.image < 0 ? draw(surface, left + cell.x, top, cell)
                               : draw_image(surface, left + cell.x, top, cell);
            }
        }
        add_text(paper, upside_down ? 2 * layout.left + layout.width - left - width_ : left);
    }
    clear();
}

void Line::add_text(Paper& paper, int left)
{
    // ESC $ may have gone back.
    std::ranges::stable_sort(cells_, {}, &Cell::x);
    std::string text;
    int first = -1, end = 0, space = 0;
    for (const Cell& cell : cells_) {
        if (cell.image >= 0) {
            paper.add({TextLine::Kind::image,
                       {left + cell.x, paper.y() + height_ - cell.height, cell.width, cell.height},
                       std::to_string(cell.width) + 'x' + std::to_string(cell.height),
                       {}});
            continue;
        }
        // An image as wide as a space, or a jump, separates words.
        space = std::max(1, cell.style.x_scale * cell_of(cell.style.font).width);
        if (first < 0)
            first = cell.x;
        else if (cell.x - end >= space / 2)
            text.append(static_cast<std::size_t>((cell.x - end + space / 2) / space), ' ');
        append_utf8(text, cell.code);
        end = cell.x + cell.width;
    }
    const std::size_t last = text.find_last_not_of(' ');
    if (first < 0 || last == text.npos) return;
    text.resize(last + 1);
    paper.add({TextLine::Kind::text, {left + first, paper.y(), end - first, height_}, std::move(text), {}});
}

void Line::clear()
{
    cells_.clear();
    images_.clear();
    x_ = width_ = height_ = 0;
    image_bytes_ = 0;
}

} // namespace agenthost::printer::render
