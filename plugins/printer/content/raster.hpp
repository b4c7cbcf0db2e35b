// Converts pictures to printer commands, in strips that fit into a small receive buffer. Pure.
#pragma once

#include "bitmap.hpp"
#include "profile.hpp"

#include <cstdint>
#include <vector>

namespace agenthost::printer {

inline constexpr unsigned band_rows = 24;
// Appends the left `width` dots of the picture as ESC * in bands of band_rows rows; the last one is filled up with white.
void append_bands(std::vector<std::uint8_t>& out, const Bitmap& picture, unsigned width);

// Appends the picture as GS v 0 in strips of Model.raster_rows rows, or in bands. Cuts off what is wider than
// profile.dots. Returns false and appends nothing if the printer prints no pictures.
bool append_picture(std::vector<std::uint8_t>& out, const Bitmap& picture, const Profile& profile);

} // namespace agenthost::printer
