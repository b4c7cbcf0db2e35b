// Converts pictures to printer commands, in strips that fit into a small receive buffer. Pure.
#pragma once

#include "bitmap.hpp"
#include "profile.hpp"

#include <cstdint>
#include <vector>

namespace agenthost::printer {

// Appends the picture as GS v 0 in strips of Model.raster_rows rows, or as ESC * in bands of 24 rows. Cuts
// off what is wider than profile.dots. Returns false and appends nothing if the printer prints no pictures.
bool append_picture(std::vector<std::uint8_t>& out, const Bitmap& picture, const Profile& profile);

} // namespace agenthost::printer
