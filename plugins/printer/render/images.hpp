// Images as jobs send them, drawn on the paper, and those that a job stores in the printer. Pure.
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

// `data` is whole rows; rows that it does not have are not in the image.
Image image_of_rows(int width, int height, Bytes data);
// `data` is columns of `column_bytes` bytes each, the highest bit at the top; missing columns are white.
Image image_of_columns(int width, int column_bytes, Bytes data);

// Where symbols and images go: the printing area and how they are aligned in it. Dots.
enum class Alignment : std::uint8_t { left, center, right };
struct Layout {
    int left = 0, width = 0;
    Alignment alignment = Alignment::left;
    [[nodiscard]] int x_of(int content) const;
};

// Draws one row `rows` times at row y of the surface, each dot `factor` wide. At most 4,096 dots of it are
// drawn.
void draw_row(Surface&, int x, int y, Bytes row, int count, int factor, int rows);
// Draws it at the pen, each dot as `x_scale` by `y_scale` dots, advances by its height, and adds its line.
void print_image(Paper&, const Layout&, const Image&, int x_scale, int y_scale);

// Images by name (a key code, a number), up to a number of bytes.
class ImageStore {
public:
    explicit ImageStore(std::size_t max_bytes) : max_bytes_{max_bytes} {}
    // Replaces one of this name. False: no space, and nothing is kept under the name.
    bool put(std::uint32_t name, Image image);
    [[nodiscard]] const Image* find(std::uint32_t name) const;
    void erase(std::uint32_t name);
    // All whose name is in [first, last].
    void erase(std::uint32_t first, std::uint32_t last);

private:
    std::size_t max_bytes_, bytes_ = 0;
    std::map<std::uint32_t, Image> images_;
};

} // namespace agenthost::printer::render
