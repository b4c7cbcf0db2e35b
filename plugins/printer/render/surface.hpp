// A part of a picture with its own direction: the whole paper, or the area of page mode. Coordinates count
// from the corner where its text begins. Clips what lies outside the area. A view: the picture must outlive
// it. Pure.
#pragma once

#include "plugins/printer/render/picture.hpp"

namespace agenthost::printer::render {

// The direction of text, numbered as by ESC T.
enum class Direction : std::uint8_t { right, up, left, down };

struct Rectangle {
    int x = 0, y = 0, width = 0, height = 0;
    bool operator==(const Rectangle&) const = default;
};

class Surface {
public:
    // `area` in dots of the picture.
    Surface(Picture& picture, Rectangle area, Direction direction)
        : picture_{&picture}, area_{area}, direction_{direction}
    {}

    // The extent along the text, and across it.
    [[nodiscard]] int width() const { return sideways() ? area_.height : area_.width; }
    [[nodiscard]] int height() const { return sideways() ? area_.width : area_.height; }
    // Converts a rectangle from this surface's coordinates to the picture's.
    [[nodiscard]] Rectangle on_picture(Rectangle) const;
    // Returns a part of this surface, turned by 180 degrees.
    [[nodiscard]] Surface turned(Rectangle part) const;

    // `bits` as in Picture::row.
    void add_row(int x, int y, std::span<const std::uint8_t> bits, int count)
    {
        row(x, y, bits, count, false);
    }
    void flip_row(int x, int y, std::span<const std::uint8_t> bits, int count)
    {
        row(x, y, bits, count, true);
    }
    void fill(Rectangle);

private:
    [[nodiscard]] bool sideways() const
    {
        return direction_ == Direction::up || direction_ == Direction::down;
    }
    void row(int x, int y, std::span<const std::uint8_t> bits, int count, bool flip);

    Picture* picture_;
    Rectangle area_;
    Direction direction_;
};

} // namespace agenthost::printer::render
