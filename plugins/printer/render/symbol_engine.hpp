// Runs the commands for barcodes and two-dimensional codes (GS k, GS ( k and their settings) and keeps their
// state. Pure.
#pragma once

#include "plugins/printer/render/symbols.hpp"
#include "plugins/printer/render/text_engine.hpp"

namespace agenthost::printer::render {

class SymbolEngine {
public:
    SymbolEngine(Paper& paper, TextEngine& text) : paper_{paper}, text_{text} {}

    // Runs a command with its complete `data`. Returns false if it is not a command for symbols.
    bool run(const escpos::Command&, Bytes data);
    void reset();

private:
    // The settings and data of GS ( k for one kind of symbol.
    struct Stored {
        MatrixOptions options;
        int module = 3, row_height = 3;
        std::vector<std::uint8_t> data;
    };
    void setting(std::uint8_t kind, std::uint8_t function, Bytes parameters);
    void qr_setting(std::uint8_t function, Bytes parameters);
    void pdf417_setting(std::uint8_t function, Bytes parameters);
    void other_setting(Stored&, std::uint8_t kind, std::uint8_t function, Bytes parameters);
    Stored* stored(std::uint8_t kind);
    void barcode(std::uint8_t system, Bytes data);
    void print_barcode(const Symbol&, Bytes data);
    void matrix(const Stored&);
    void print_matrix(const Symbol&, const Stored&);
    void china_qr(const escpos::Command&, Bytes data);
    // Returns whether the symbol can be drawn. If not, adds a warning, and the receipt keeps only the
    // symbol's text.
    bool usable(const Symbol&, int width, Bytes data);
    void add_line(const Symbol&, Rectangle where, Bytes data);

    Paper& paper_;
    TextEngine& text_;
    int height_ = 162, module_ = 3;
    std::uint8_t label_ = 0;
    Font label_font_ = Font::a;
    Stored pdf417_, qr_, maxicode_, databar_, aztec_, data_matrix_;
};

} // namespace agenthost::printer::render
