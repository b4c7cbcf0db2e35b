// Draws what a receipt printer would print for a job of ESC/POS.
//
// Feed the job in pieces of any size, then call finish(); or call render() with a job in memory. The same
// bytes and options give the same receipt, whatever the pieces. Accepts any bytes: unknown or impossible
// commands become warnings. Bounds: those of Options. Memory: the picture (at most max_rows * width / 8
// bytes: 2.3 MB), max_text, max_data, max_stored and about 100 KB. Threads: none; one caller at a time.
#pragma once

#include "plugins/printer/escpos/parser.hpp"
#include "plugins/printer/render/image_engine.hpp"
#include "plugins/printer/render/symbol_engine.hpp"

namespace agenthost::printer::render {

class Renderer final : private escpos::Sink {
public:
    explicit Renderer(Options options);
    Renderer(const Renderer&) = delete;
    Renderer& operator=(const Renderer&) = delete;

    void feed(Bytes job) { parser_.feed(job); }
    // Returns the receipt. Call it once, at the end. Prints a last line that has no line feed; does not print
    // a page of page mode that the job never printed.
    Receipt finish();

private:
    void text(Bytes) override;
    void begin(const escpos::Command&) override;
    void data(Bytes) override;
    void end(const escpos::Command&) override;
    bool control(const escpos::Command&);
    bool page(const escpos::Command&);
    bool machine(const escpos::Command&);
    void cut(std::uint8_t mode, std::uint8_t rows);

    const Options options_;
    Paper paper_;
    TextEngine text_;
    ImageEngine images_;
    SymbolEngine symbols_;
    // data of the open command; the rows of a raster are drawn as they arrive instead
    std::vector<std::uint8_t> data_;
    bool streaming_ = false;
    escpos::Parser parser_{this};
};

Receipt render(Bytes job, Options options = {});

} // namespace agenthost::printer::render
