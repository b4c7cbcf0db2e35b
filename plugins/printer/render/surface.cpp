#include "surface.hpp"

#include <algorithm>
#include <array>

namespace agenthost::printer::render {

Rectangle Surface::on_picture(Rectangle r) const
{
    switch (direction_) {
    case Direction::right: return {area_.x + r.x, area_.y + r.y, r.width, r.height};
    case Direction::up: return {area_.x + r.y, area_.y + area_.height - r.x - r.width, r.height, r.width};
    case Direction::left:
        return {area_.x + area_.width - r.x - r.width, area_.y + area_.height - r.y - r.height, r.width,
                r.height};
    case Direction::down: return {area_.x + area_.width - r.y - r.height, area_.y + r.x, r.height, r.width};
    }
    return {};
}

Surface Surface::turned(Rectangle part) const
{
    return {*picture_, on_picture(part), static_cast<Direction>((static_cast<int>(direction_) + 2) % 4)};
}

void Surface::row(int x, int y, std::span<const std::uint8_t> bits, int count, bool flip)
{
    if (y < 0 || y >= height()) return;
    count = std::min(count, width() - x);
    if (direction_ == Direction::right && x >= 0) {
        if (flip)
            picture_->flip_row(area_.x + x, area_.y + y, bits, count);
        else
            picture_->add_row(area_.x + x, area_.y + y, bits, count);
        return;
    }
    for (int i = std::max(0, -x); i < count; ++i) {
        const auto byte = static_cast<std::size_t>(i) / 8;
        if (byte >= bits.size()) return;
        if ((bits[byte] >> (7 - i % 8) & 1) == 0) continue;
        const Rectangle dot = on_picture({x + i, y, 1, 1});
        if (flip)
            picture_->flip(dot.x, dot.y);
        else
            picture_->set(dot.x, dot.y);
    }
}

void Surface::fill(Rectangle r)
{
    static constexpr auto black = [] {
        std::array<std::uint8_t, 32> all{};
        all.fill(0xff);
        return all;
    }();
    const int step = static_cast<int>(black.size()) * 8;
    for (int y = r.y; y < r.y + r.height; ++y)
        for (int x = 0; x < r.width; x += step) add_row(r.x + x, y, black, std::min(step, r.width - x));
}

} // namespace agenthost::printer::render
