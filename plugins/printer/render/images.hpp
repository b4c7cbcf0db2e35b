// Reads images from a job's data, draws them on the paper, and keeps those that a job stores in the printer.
// Pure.
#pragma once

#include "plugins/printer/render/bits.hpp"
#include "plugins/printer/render/paper.hpp"

#include <map>

namespace agenthost::printer::render {

struct Image {
    int width = 0, height = 0;
    // height rows of (width + 7) / 8 bytes
    std::vector<std::uint8_t> bytes;

    [[nodiscard]] std::size_t stride() const { return (static_cast<std::size_t>(width) + 7) / 8; }
    [[nodiscard]] Bytes row(int y) const
    {
        return Bytes{bytes}.subspan(static_cast<std::size_t>(y) * stride(), stride());
    }
};

// Makes an image from `data`, which holds complete rows. Rows missing from `data` are missing from the image.
Image image_of_rows(int width, int height, Bytes data);
// Makes an image from `data`, which holds columns of `column_bytes` bytes with the highest bit at the top.
// Columns missing from `data` are white.
Image image_of_columns(int width, int column_bytes, Bytes data);

// The printing area, in dots, and the alignment of symbols and images in it.
enum class Alignment : std::uint8_t { left, center, right };
struct Layout {
    int left = 0, width = 0;
    Alignment alignment = Alignment::left;
    [[nodiscard]] int x_of(int content) const;
};

// Draws a row of `count` dots `rows` times from row y of the surface on, each dot `factor` dots wide. Draws
// at most 4,096 dots of the row.
void draw_row(Surface&, int x, int y, Bytes row, int count, int factor, int rows);
// Draws the image at the pen with each dot as `x_scale` by `y_scale` dots, advances the paper by its height,
// and adds its line to the receipt.
void print_image(Paper&, const Layout&, const Image&, int x_scale, int y_scale);

// Stores images by name (a key code or a number), at most max_bytes in total.
class ImageStore {
public:
    explicit ImageStore(std::size_t max_bytes) : max_bytes_{max_bytes} {}
    // Replaces the image of this name. Returns false if the new one does not fit; the old one is gone then too.
    bool put(std::uint32_t name, Image image);
    [[nodiscard]] const Image* find(std::uint32_t name) const;
    void erase(std::uint32_t name);
    // Erases all images with names in [first, last].
    void erase(std::uint32_t first, std::uint32_t last);

private:
    std::size_t max_bytes_, bytes_ = 0;
    std::map<std::uint32_t, Image> images_;
};

} // namespace agenthost::printer::render
