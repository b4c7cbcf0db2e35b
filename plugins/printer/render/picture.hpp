// A picture of black and white dots that grows downwards, as paper leaves a printer. Uses ceil(width / 8) *
// rows bytes; the rows never exceed max_rows. Pure.
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
    // Makes a picture without rows; `width` is in dots.
    Picture(int width, int max_rows) : width_{width}, max_rows_{max_rows} {}

    [[nodiscard]] int width() const { return width_; }
    [[nodiscard]] int height() const { return height_; }
    [[nodiscard]] std::size_t stride() const { return (static_cast<std::size_t>(width_) + 7) / 8; }
    // Returns the bytes of a row. The highest bit of the first byte is the leftmost dot; 1 is black; bits
    // beyond the width are 0.
    [[nodiscard]] std::span<const std::uint8_t> row(int y) const
    {
        return std::span{bytes_}.subspan(static_cast<std::size_t>(y) * stride(), stride());
    }
    [[nodiscard]] bool at(int x, int y) const
    {
        return inside(x, y) && (row(y)[static_cast<std::size_t>(x) / 8] >> (7 - x % 8) & 1) != 0;
    }

    // Adds white rows until the picture has at least `rows` rows. Returns false if max_rows stops it earlier.
    bool grow(int rows);
    // Removes all rows; keeps the memory.
    void clear();
    // These ignore dots outside the picture.
    void set(int x, int y)
    {
        if (inside(x, y)) bytes_[offset(x, y)] |= mask(x);
    }
    void flip(int x, int y)
    {
        if (inside(x, y)) bytes_[offset(x, y)] ^= mask(x);
    }
    // Adds `count` dots to row y, beginning at x; bits as in row().
    void add_row(int x, int y, std::span<const std::uint8_t> bits, int count);
    // The same, but black on black becomes white.
    void flip_row(int x, int y, std::span<const std::uint8_t> bits, int count);
    // Adds the other picture with its top left dot at (x, y).
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

// Returns a line of text for each row, '#' for black and '.' for white, without the white dots at its end.
// For tests and people.
std::string as_ascii(const Picture&);

} // namespace agenthost::printer::render
