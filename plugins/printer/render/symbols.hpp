// Barcodes and two-dimensional codes as modules (libzint; CODE128 with given code sets by code128). Pure: no
// state between calls.
#pragma once

#include "plugins/printer/render/images.hpp"

#include <string>

namespace agenthost::printer::render {

struct Symbol {
    // "EAN13", "QR", ...
    std::string name;
    // A dot a module; of a barcode one row.
    Image modules;
    // How many modules high each row is; empty: all are one.
    std::vector<int> row_heights;
    // What people read beside a barcode.
    std::string text;
    // Why there is no symbol; then `modules` is empty.
    std::string error;
};

// GS k: `system` 0 to 6 or 65 to 79.
Symbol make_barcode(std::uint8_t system, Bytes data);

enum class Matrix : std::uint8_t {
    qr,
    micro_qr,
    pdf417,
    pdf417_truncated,
    maxicode,
    aztec,
    data_matrix,
    databar_stacked,
    databar_expanded_stacked
};
struct MatrixOptions {
    Matrix kind{};
    // zint's: QR 1 to 4 (L M Q H), PDF417 0 to 8, Aztec 1 to 4; 0 or -1: its default
    int error_level = 0;
    // PDF417: columns; DataMatrix: zint's size number; 0: as it fits
    int size = 0;
    // DataMatrix: may be a rectangle
    bool rectangle = false;
};
Symbol make_matrix(const MatrixOptions&, Bytes data);

} // namespace agenthost::printer::render
