// Writes a picture as a PNG file. Pure, except for allocating memory.
#pragma once

#include "plugins/printer/render/picture.hpp"

#include <functional>
#include <stdexcept>

namespace agenthost::printer::render {

struct PngOptions {
    // White dots around the picture, a multiple of 8. They are the paper beyond the printing area; scanners
    // need them to read symbols.
    int margin = 32;
    // Dots per metre, for programs that print the picture; 203 dpi.
    int dots_per_metre = 7'992;
};

// Receives the pieces of the file in order. Returns false to stop.
using PngSink = std::function<bool(std::span<const std::uint8_t>)>;

// Writes the picture with 1 bit per dot, row by row; needs memory for one row and 270 KB for the compressor.
// A picture without rows becomes one white row. Returns false if the sink stopped or memory ran out.
bool write_png(const Picture&, const PngSink&, PngOptions = {});
// Returns the complete file. Throws std::runtime_error if memory runs out.
std::vector<std::uint8_t> as_png(const Picture&, PngOptions = {});

} // namespace agenthost::printer::render
