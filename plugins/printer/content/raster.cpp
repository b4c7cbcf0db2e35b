#include "raster.hpp"

#include <algorithm>

namespace agenthost::printer {

namespace {

constexpr std::uint8_t esc = 0x1B, gs = 0x1D;

std::uint8_t low(std::size_t n) { return static_cast<std::uint8_t>(n & 0xFF); }
std::uint8_t high(std::size_t n) { return static_cast<std::uint8_t>(n >> 8 & 0xFF); }

void strip(std::vector<std::uint8_t>& out, const Bitmap& picture, std::size_t width_bytes, unsigned from,
           unsigned rows)
{
    out.insert(out.end(), {gs, 'v', '0', 0, low(width_bytes), high(width_bytes), low(rows), high(rows)});
    for (unsigned y = from; y < from + rows; ++y) {
        const auto row = picture.bits.begin() + static_cast<std::ptrdiff_t>(y * picture.row_bytes());
        out.insert(out.end(), row, row + static_cast<std::ptrdiff_t>(width_bytes));
    }
}

void columns(std::vector<std::uint8_t>& out, const Bitmap& picture, unsigned width, unsigned from)
{
    constexpr std::uint8_t double_density_24 = 33;
    out.insert(out.end(), {esc, '*', double_density_24, low(width), high(width)});
    for (unsigned x = 0; x < width; ++x)
        for (unsigned part = 0; part < band_rows; part += 8) {
            unsigned byte = 0;
            for (unsigned bit = 0; bit < 8; ++bit)
                byte = byte << 1 | (picture.get(x, from + part + bit) ? 1U : 0U);
            out.push_back(static_cast<std::uint8_t>(byte));
        }
    out.push_back('\n');
}

} // namespace

void append_bands(std::vector<std::uint8_t>& out, const Bitmap& picture, unsigned width)
{
    // Bands must touch: the line is as high as a band while they are printed.
    out.insert(out.end(), {esc, '3', band_rows});
    for (unsigned y = 0; y < picture.height; y += band_rows) columns(out, picture, width, y);
    out.insert(out.end(), {esc, '2'});
}

bool append_picture(std::vector<std::uint8_t>& out, const Bitmap& picture, const Profile& profile)
{
    const unsigned width = std::min(picture.width, profile.dots);
    if (profile.image == Image::none) return false;
    if (width == 0 || picture.height == 0) return true;
    if (profile.image == Image::raster) {
        const auto rows =
            static_cast<unsigned>(std::clamp<std::size_t>(profile.model.raster_rows, 1, 0xFFFF));
        for (unsigned y = 0; y < picture.height; y += rows)
            strip(out, picture, (width + 7) / 8, y, std::min(rows, picture.height - y));
        return true;
    }
    append_bands(out, picture, width);
    return true;
}

} // namespace agenthost::printer
