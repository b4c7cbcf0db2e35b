// Pictures as printer commands, in strips that a small receive buffer bears. Pure.
#pragma once

#include "bitmap.hpp"
#include "profile.hpp"

#include <cstdint>
#include <vector>

namespace agenthost::printer {

inline constexpr unsigned band_rows = 24;
// Appends the left `width` dots of the picture as ESC * in bands of band_rows rows; the last one is filled up with white.
void append_bands(std::vector<std::uint8_t>& out, const Bitmap& picture, unsigned width);

// Appends the picture, at most profile.dots wide (the rest is cut off): GS v 0 in strips of Model.raster_rows rows, or bands.
// Returns false and appends nothing if the printer prints no pictures.
bool append_picture(std::vector<std::uint8_t>& out, const Bitmap& picture, const Profile& profile);

} // namespace agenthost::printer
