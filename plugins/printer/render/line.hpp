// Collects the characters and column images of a line, and prints them together when the line ends. Pure.
#pragma once

#include "plugins/printer/render/glyphs.hpp"
#include "plugins/printer/render/images.hpp"

namespace agenthost::printer::render {

// The style of printed characters.
struct Style {
    Font font = Font::a;
    // 1 to 8
    int x_scale = 1, y_scale = 1;
    bool bold = false, inverse = false, turned = false;
    // rows of dots
    int underline = 0;
    // dots to the right of a character, before scaling
    int spacing = 0;
    bool operator==(const Style&) const = default;
};

class Line {
public:
    [[nodiscard]] bool empty() const { return cells_.empty(); }
    // The line takes nothing more. A job that moves back to its start (ESC $ 0) could fill it without end.
    [[nodiscard]] bool full() const { return cells_.size() >= 1'000 || image_bytes_ >= 256U << 10U; }
    // The position of the next character, in dots from the left of the printing area.
    [[nodiscard]] int x() const { return x_; }
    void move_to(int x) { x_ = x; }
    // Returns the width in dots of a character in this style.
    static int width_of(const Glyph&, const Style&);

    // Adds a character or image at x(), and moves x() by its width.
    void add(const Glyph&, char32_t, const Style&);
    void add(Image, int x_scale, int y_scale);
    // The right edge of the rightmost character or image.
    [[nodiscard]] int width() const { return width_; }
    [[nodiscard]] int height() const { return height_; }

    // Draws the line at the pen with all characters on one baseline, adds its text to the receipt, and
    // empties the line. Does not advance the paper.
    void print(Paper&, const Layout&, bool upside_down);
    void clear();

private:
    struct Cell {
        int x, width, height;
        char32_t code;
        Style style;
        Glyph glyph;
        // index in images_; -1 for a character
        int image;
    };
    static void draw(Surface&, int x, int y, const Cell&);
    void draw_image(Surface&, int x, int y, const Cell&) const;
    void add_text(Paper&, int left);

    std::vector<Cell> cells_;
    std::vector<Image> images_;
    int x_ = 0, width_ = 0, height_ = 0;
    std::size_t image_bytes_ = 0;
};

} // namespace agenthost::printer::render
