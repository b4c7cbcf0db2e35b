#include "images.hpp"

#include <algorithm>
#include <array>

namespace agenthost::printer::render {

namespace {

// Beyond any paper.
constexpr int max_row_dots = 4'096;
// What the map and the vector cost beside the bytes.
constexpr std::size_t image_cost = 128;

} // namespace

Image image_of_rows(int width, int height, Bytes data)
{
    Image image{width, 0, {}};
    if (width <= 0) return image;
    image.height = static_cast<int>(
        std::min<std::size_t>(static_cast<std::size_t>(height), data.size() / image.stride()));
    const Bytes kept = data.first(static_cast<std::size_t>(image.height) * image.stride());
    image.bytes.assign(kept.begin(), kept.end());
    return image;
}

Image image_of_columns(int width, int column_bytes, Bytes data)
{
    const auto high = static_cast<std::size_t>(column_bytes);
    Image image{static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(width),
                                                       high == 0 ? 0 : data.size() / high)),
                column_bytes * 8,
                {}};
    image.bytes.resize(static_cast<std::size_t>(image.height) * image.stride());
    for (std::size_t x = 0; x < static_cast<std::size_t>(image.width); ++x) {
        for (std::size_t b = 0; b < high; ++b) {
            for (unsigned byte = data[x * high + b], y = 0; byte != 0; byte = byte << 1U & 0xffU, ++y)
                if ((byte & 0x80U) != 0)
                    image.bytes[(b * 8 + y) * image.stride() + x / 8] |=
                        static_cast<std::uint8_t>(0x80U >> (x % 8));
        }
    }
    return image;
}

int Layout::x_of(int content) const
{
    const int free = std::max(0, width - content);
    switch (alignment) {
    case Alignment::left: return left;
    case Alignment::center: return left + free / 2;
    case Alignment::right: return left + free;
    }
    return left;
}

void draw_row(Surface& surface, int x, int y, Bytes row, int count, int factor, int rows)
{
    // A row that was cut short has less than it announced.
    const auto had = static_cast<int>(std::min<std::size_t>(row.size(), max_row_dots / 8) * 8);
    count = std::min({count, max_row_dots / factor, had});
    std::array<std::uint8_t, max_row_dots / 8> wide;
    if (factor > 1) {
        widen(row, static_cast<std::size_t>(count), static_cast<std::size_t>(factor), wide);
        row = wide;
    }
    for (int i = 0; i < rows; ++i) surface.add_row(x, y + i, row, count * factor);
}

void print_image(Paper& paper, const Layout& layout, const Image& image, int x_scale, int y_scale)
{
    const int width = image.width * x_scale, height = image.height * y_scale;
    if (width == 0 || height == 0) return;
    const int drawn = std::min(width, paper.width());
    if (width > layout.width) paper.warn("an image is wider than the printing area");
    if (paper.begin(height, static_cast<std::uint64_t>(drawn) * static_cast<std::uint64_t>(height))) {
        Surface surface = paper.surface();
        const int x = layout.x_of(width),
                  rows = std::min(image.height, (surface.height() - paper.y()) / y_scale + 1);
        for (int row = 0; row < rows; ++row)
            draw_row(surface, x, paper.y() + row * y_scale, image.row(row), image.width, x_scale, y_scale);
        paper.add({TextLine::Kind::image,
                   {x, paper.y(), width, height},
                   std::to_string(width) + 'x' + std::to_string(height),
                   {}});
    }
    paper.advance(height);
}

bool ImageStore::put(std::uint32_t name, Image image)
{
    erase(name);
    const std::size_t cost = image.bytes.size() + image_cost;
    if (bytes_ + cost > max_bytes_) return false;
    bytes_ += cost;
    images_.emplace(name, std::move(image));
    return true;
}

const Image* ImageStore::find(std::uint32_t name) const
{
    const auto found = images_.find(name);
    return found == images_.end() ? nullptr : &found->second;
}

void ImageStore::erase(std::uint32_t name)
{
    const auto found = images_.find(name);
    if (found == images_.end()) return;
    bytes_ -= found->second.bytes.size() + image_cost;
    images_.erase(found);
}

void ImageStore::erase(std::uint32_t first, std::uint32_t last)
{
    for (auto at = images_.lower_bound(first); at != images_.end() && at->first <= last;) {
        bytes_ -= at->second.bytes.size() + image_cost;
        at = images_.erase(at);
    }
}

} // namespace agenthost::printer::render
