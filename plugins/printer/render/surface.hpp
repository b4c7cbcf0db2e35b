// Part of a picture that is drawn on in its own direction: the whole paper, or an area of page mode.
// Coordinates count from the corner where its text begins. A view: the picture must outlive it. What lies
// outside the area is clipped. Pure.
#pragma once

#include "plugins/printer/render/picture.hpp"

namespace agenthost::printer::render {

// Where text runs to, as ESC T counts.
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

    // Along the text and across it.
    [[nodiscard]] int width() const { return sideways() ? area_.height : area_.width; }
    [[nodiscard]] int height() const { return sideways() ? area_.width : area_.height; }
    // A rectangle of this surface as one of the picture.
    [[nodiscard]] Rectangle on_picture(Rectangle) const;
    // A part of this surface, turned by 180 degrees.
    [[nodiscard]] Surface turned(Rectangle part) const;

    // Bits as in Picture::row.
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
