// Pictures as printer commands, in strips that a small receive buffer bears. Pure.
#pragma once

#include "bitmap.hpp"
#include "profile.hpp"

#include <cstdint>
#include <vector>

namespace agenthost::printer {

// Appends the picture, at most profile.dots wide (the rest is cut off): GS v 0 in strips of Model.raster_rows rows, or ESC * in bands of 24 rows. False,
// and nothing is appended: the printer prints no pictures.
bool append_picture(std::vector<std::uint8_t>& out, const Bitmap& picture, const Profile& profile);

} // namespace agenthost::printer
