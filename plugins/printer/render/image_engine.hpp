// The commands that print images: rasters (drawn row by row as they arrive), columns, and images stored in
// the printer. Pure.
#pragma once

#include "plugins/printer/render/text_engine.hpp"

namespace agenthost::printer::render {

class ImageEngine {
public:
    ImageEngine(const Options& options, Paper& paper, TextEngine& text)
        : paper_{paper}, text_{text}, stored_{options.max_stored}
    {}

    // Begins a raster (GS v 0); pass its data to stream(), then call end_stream(). Returns false for other
    // commands.
    bool begin_stream(const escpos::Command&);
    void stream(Bytes);
    void end_stream();

    // Runs a command with its complete `data`. Returns false if it is not a command for images.
    bool run(const escpos::Command&, Bytes data);
    // ESC @: forgets downloaded images, keeps those in non-volatile memory.
    void reset();

private:
    // A raster that is being received.
    struct Raster {
        int x = 0, y = 0, dots = 0, x_scale = 1, y_scale = 1, rows = 0;
        // bytes of a row, and of the row that has begun; rows beyond the paper are not kept
        std::size_t stride = 0, received = 0;
        std::vector<std::uint8_t> row;
    };
    void raster_row();
    void columns(const escpos::Command&, Bytes data);
    void graphics(Bytes data);
    void define_graphics(std::uint32_t kind, Bytes parameters, bool in_columns);
    void print_stored(std::uint32_t name, int x_scale, int y_scale);
    void define_numbered(int count, Bytes data);
    void keep(std::uint32_t name, Image);
    void print(const Image&, int x_scale, int y_scale);

    Paper& paper_;
    TextEngine& text_;
    ImageStore stored_;
    Raster raster_;
    // GS ( L fn 112 to 113, until fn 50 prints it
    Image buffered_;
    int buffered_x_ = 1, buffered_y_ = 1;
};

} // namespace agenthost::printer::render
