// A picture as a PNG file. Pure, but for memory.
#pragma once

#include "plugins/printer/render/picture.hpp"

#include <functional>
#include <stdexcept>

namespace agenthost::printer::render {

struct PngOptions {
    // White dots around the picture, a multiple of 8: the paper beyond the printing area, which symbols need
    // to be read.
    int margin = 32;
    // Dots per metre, for programs that print the picture; 203 dpi.
    int dots_per_metre = 7'992;
};

// Called with the file's pieces, in order. False ends the writing.
using PngSink = std::function<bool(std::span<const std::uint8_t>)>;

// Row by row: beside the picture only one row and the compressor's 270 KB. False: the sink ended it, or
// memory is short. 1 bit a dot, grey; a picture without rows becomes one white row.
bool write_png(const Picture&, const PngSink&, PngOptions = {});
// The whole file; throws std::runtime_error if memory is short.
std::vector<std::uint8_t> as_png(const Picture&, PngOptions = {});

} // namespace agenthost::printer::render
