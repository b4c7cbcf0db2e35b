// Encodes barcodes and two-dimensional codes as modules, with libzint (CODE128 with given code sets:
// code128). Pure: no state between calls.
#pragma once

#include "plugins/printer/render/images.hpp"

#include <string>

namespace agenthost::printer::render {

struct Symbol {
    // "EAN13", "QR", ...
    std::string name;
    // One dot per module. A barcode has one row.
    Image modules;
    // The height of each row in modules; empty if every row is one module high.
    std::vector<int> row_heights;
    // The readable text of a barcode.
    std::string text;
    // Why the data cannot be encoded. If set, `modules` is empty.
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
    // As zint counts: QR 1 to 4 (L M Q H), PDF417 0 to 8, Aztec 1 to 4. 0 or -1 is zint's default.
    int error_level = 0;
    // PDF417: columns; DataMatrix: zint's size number; 0: chosen to fit the data.
    int size = 0;
    // DataMatrix: may be a rectangle
    bool rectangle = false;
};
Symbol make_matrix(const MatrixOptions&, Bytes data);

} // namespace agenthost::printer::render
