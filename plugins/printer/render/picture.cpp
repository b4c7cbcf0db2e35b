#include "picture.hpp"

#include <algorithm>

namespace agenthost::printer::render {

bool Picture::grow(int rows)
{
    const int wanted = std::min(rows, max_rows_);
    if (wanted > height_) {
        bytes_.resize(static_cast<std::size_t>(wanted) * stride());
        height_ = wanted;
    }
    return rows <= max_rows_;
}

void Picture::clear()
{
    bytes_.clear();
    height_ = 0;
}

template <class Merge>
void Picture::merge_row(int x, int y, std::span<const std::uint8_t> bits, int count, Merge merge)
{
    if (y < 0 || y >= height_ || x >= width_ || count <= 0) return;
    const int available = static_cast<int>(std::min<std::size_t>(bits.size(), 1U << 20U)) * 8;
    count = std::min({count, available, width_ - x});
    if (x < 0) { // rare: dot by dot
        for (int i = -x; i < count; ++i)
            if (bits[static_cast<std::size_t>(i) / 8] >> (7 - i % 8) & 1)
                merge(bytes_[offset(x + i, y)], mask(x + i));
        return;
    }
    std::uint8_t* to = bytes_.data() + offset(x, y);
    const unsigned shift = static_cast<unsigned>(x) % 8;
    const auto whole = static_cast<std::size_t>(count) / 8;
    const auto put = [&](std::size_t i, std::uint8_t byte) {
        if (byte == 0) return;
        merge(to[i], static_cast<std::uint8_t>(byte >> shift));
        const auto rest = static_cast<std::uint8_t>(byte << (8 - shift));
        if (rest != 0) merge(to[i + 1], rest);
    };
    for (std::size_t i = 0; i < whole; ++i) put(i, bits[i]);
    if (count % 8 != 0) put(whole, static_cast<std::uint8_t>(bits[whole] & (0xff00U >> (count % 8))));
}

void Picture::add_row(int x, int y, std::span<const std::uint8_t> bits, int count)
{
    merge_row(x, y, bits, count, [](std::uint8_t& to, std::uint8_t from) { to |= from; });
}

void Picture::flip_row(int x, int y, std::span<const std::uint8_t> bits, int count)
{
    merge_row(x, y, bits, count, [](std::uint8_t& to, std::uint8_t from) { to ^= from; });
}

void Picture::add(int x, int y, const Picture& other)
{
    for (int i = 0; i < other.height(); ++i) add_row(x, y + i, other.row(i), other.width());
}

std::string as_ascii(const Picture& picture)
{
    std::string out;
    for (int y = 0; y < picture.height(); ++y) {
        std::string line;
        for (int x = 0; x < picture.width(); ++x) line += picture.at(x, y) ? '#' : '.';
        const std::size_t last = line.find_last_of('#');
        out += last == line.npos ? "" : line.substr(0, last + 1);
        out += '\n';
    }
    return out;
}

} // namespace agenthost::printer::render
