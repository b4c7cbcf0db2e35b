// A picture of black and white dots that grows downwards, as paper comes out of a printer. Its memory is
// ceil(width / 8) * rows bytes; rows never exceed the bound. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace agenthost::printer::render {

class Picture {
public:
    Picture() = default;
    // Dots; a picture without rows.
    Picture(int width, int max_rows) : width_{width}, max_rows_{max_rows} {}

    [[nodiscard]] int width() const { return width_; }
    [[nodiscard]] int height() const { return height_; }
    [[nodiscard]] std::size_t stride() const { return (static_cast<std::size_t>(width_) + 7) / 8; }
    // A row's bytes, the leftmost dot in the highest bit of the first one; black is 1, bits beyond the width
    // are 0.
    [[nodiscard]] std::span<const std::uint8_t> row(int y) const
    {
        return std::span{bytes_}.subspan(static_cast<std::size_t>(y) * stride(), stride());
    }
    [[nodiscard]] bool at(int x, int y) const
    {
        return inside(x, y) && (row(y)[static_cast<std::size_t>(x) / 8] >> (7 - x % 8) & 1) != 0;
    }

    // Makes it at least so high, in white. False: that is beyond the bound, and the picture ends at the
    // bound.
    bool grow(int rows);
    // White, with no rows; keeps its memory.
    void clear();
    // What lies outside is clipped.
    void set(int x, int y)
    {
        if (inside(x, y)) bytes_[offset(x, y)] |= mask(x);
    }
    void flip(int x, int y)
    {
        if (inside(x, y)) bytes_[offset(x, y)] ^= mask(x);
    }
    // Adds `count` dots to row y from x on; bits as in row().
    void add_row(int x, int y, std::span<const std::uint8_t> bits, int count);
    // The same, but black on black becomes white.
    void flip_row(int x, int y, std::span<const std::uint8_t> bits, int count);
    // Adds the whole other picture with its left top dot at (x, y).
    void add(int x, int y, const Picture& other);

private:
    template <class Merge>
    void merge_row(int x, int y, std::span<const std::uint8_t> bits, int count, Merge merge);
    [[nodiscard]] bool inside(int x, int y) const { return x >= 0 && x < width_ && y >= 0 && y < height_; }
    [[nodiscard]] std::size_t offset(int x, int y) const
    {
        return static_cast<std::size_t>(y) * stride() + static_cast<std::size_t>(x) / 8;
    }
    static std::uint8_t mask(int x) { return static_cast<std::uint8_t>(0x80U >> (x % 8)); }

    int width_ = 0, max_rows_ = 0, height_ = 0;
    std::vector<std::uint8_t> bytes_;
};

// A line of text a row, '#' for black and '.' for white, without the white right of the last black dot: for
// tests and people.
std::string as_ascii(const Picture&);

} // namespace agenthost::printer::render
