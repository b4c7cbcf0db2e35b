#include "symbols.hpp"

#include "code128.hpp"

#include <zint.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string_view>

namespace agenthost::printer::render {

namespace {

struct Free {
    void operator()(zint_symbol* symbol) const { ZBarcode_Delete(symbol); }
};
using Zint = std::unique_ptr<zint_symbol, Free>;

struct System {
    std::uint8_t number;
    const char* name;
    int zint;
};
constexpr std::array systems{
    System{65, "UPC-A", BARCODE_UPCA},
    System{66, "UPC-E", BARCODE_UPCE},
    System{67, "EAN13", BARCODE_EANX},
    System{68, "EAN8", BARCODE_EANX},
    System{69, "CODE39", BARCODE_CODE39},
    System{70, "ITF", BARCODE_C25INTER},
    System{71, "CODABAR", BARCODE_CODABAR},
    System{72, "CODE93", BARCODE_CODE93},
    System{73, "CODE128", BARCODE_CODE128},
    System{74, "GS1-128", BARCODE_GS1_128},
    System{75, "GS1 DataBar", BARCODE_DBAR_OMN},
    System{76, "GS1 DataBar truncated", BARCODE_DBAR_OMN},
    System{77, "GS1 DataBar limited", BARCODE_DBAR_LTD},
    System{78, "GS1 DataBar expanded", BARCODE_DBAR_EXP},
    System{79, "CODE128", BARCODE_CODE128},
};

// The six digits of UPC-E for eleven of UPC-A that have enough zeros; empty: they have not.
std::string zeros_suppressed(const std::string& d)
{
    const std::string maker = d.substr(1, 5), item = d.substr(6, 5);
    if (d[0] != '0' && d[0] != '1') return {};
    if (maker[3] == '0' && maker[4] == '0' && maker[2] <= '2' && item.starts_with("00"))
        return d[0] + maker.substr(0, 2) + item.substr(2) + maker[2];
    if (maker[3] == '0' && maker[4] == '0' && item.starts_with("000"))
        return d[0] + maker.substr(0, 3) + item.substr(3) + '3';
    if (maker[4] == '0' && item.starts_with("0000")) return d[0] + maker.substr(0, 4) + item[4] + '4';
    if (item.starts_with("0000") && item[4] >= '5') return d[0] + maker + item[4];
    return {};
}

// Printers take these with their check digit or without; zint makes it.
std::string for_zint(std::uint8_t number, std::string data)
{
    switch (number) {
    case 65: return data.substr(0, 11);
    case 66:
        if (data.size() == 6) return '0' + data;
        if (data.size() >= 11) return zeros_suppressed(data);
        return data.substr(0, 7);
    case 67: return data.substr(0, 12);
    case 68: return data.substr(0, 7);
    case 69: std::erase(data, '*'); return data;
    case 75:
    case 76:
    case 77: return data.starts_with("(01)") ? data.substr(4) : data;
    default: return data;
    }
}

Image modules_of(const zint_symbol& symbol)
{
    const int width = std::clamp(symbol.width, 0, 1'152), rows = std::clamp(symbol.rows, 0, 200);
    Image image{width, rows, {}};
    image.bytes.resize(static_cast<std::size_t>(rows) * image.stride());
    for (int y = 0; y < rows; ++y)
        for (int x = 0; x < width; ++x)
            if (symbol.encoded_data[y][x / 8] >> (x % 8) & 1)
                image.bytes[static_cast<std::size_t>(y) * image.stride() + static_cast<std::size_t>(x) / 8] |=
                    static_cast<std::uint8_t>(0x80U >> (x % 8));
    return image;
}

// `data` must not be empty.
Symbol encoded(std::string name, const Zint& zint, Bytes data)
{
    Symbol symbol{std::move(name), {}, {}, {}, {}};
    const int result = ZBarcode_Encode(zint.get(), data.data(), static_cast<int>(data.size()));
    if (result >= ZINT_ERROR) {
        symbol.error = zint->errtxt;
        return symbol;
    }
    symbol.modules = modules_of(*zint);
    symbol.text = reinterpret_cast<const char*>(zint->text);
    return symbol;
}

Image bars(const std::vector<std::uint8_t>& widths)
{
    int width = 0;
    for (const std::uint8_t w : widths) width += w;
    Image image{width, 1, {}};
    image.bytes.resize(image.stride());
    std::size_t x = 0;
    for (std::size_t i = 0; i < widths.size(); ++i)
        for (int n = 0; n < widths[i]; ++n, ++x)
            if (i % 2 == 0) image.bytes[x / 8] |= static_cast<std::uint8_t>(0x80U >> (x % 8));
    return image;
}

int mode_of(std::uint8_t number, std::string_view data)
{
    if (number != 74 && number != 78) return DATA_MODE;
    return GS1_MODE | GS1NOCHECK_MODE | (data.starts_with('(') ? GS1PARENS_MODE : 0);
}

constexpr int zint_of(Matrix kind)
{
    switch (kind) {
    case Matrix::qr: return BARCODE_QRCODE;
    case Matrix::micro_qr: return BARCODE_MICROQR;
    case Matrix::pdf417: return BARCODE_PDF417;
    case Matrix::pdf417_truncated: return BARCODE_PDF417COMP;
    case Matrix::maxicode: return BARCODE_MAXICODE;
    case Matrix::aztec: return BARCODE_AZTEC;
    case Matrix::data_matrix: return BARCODE_DATAMATRIX;
    case Matrix::databar_stacked: return BARCODE_DBAR_OMNSTK;
    case Matrix::databar_expanded_stacked: return BARCODE_DBAR_EXPSTK;
    }
    return BARCODE_QRCODE;
}
constexpr const char* name_of(Matrix kind)
{
    switch (kind) {
    case Matrix::qr: return "QR";
    case Matrix::micro_qr: return "Micro QR";
    case Matrix::pdf417:
    case Matrix::pdf417_truncated: return "PDF417";
    case Matrix::maxicode: return "MaxiCode";
    case Matrix::aztec: return "Aztec";
    case Matrix::data_matrix: return "DataMatrix";
    case Matrix::databar_stacked:
    case Matrix::databar_expanded_stacked: return "GS1 DataBar";
    }
    return "";
}

} // namespace

Symbol make_barcode(std::uint8_t system, Bytes bytes)
{
    const std::uint8_t number = system < 65 ? system + 65 : system;
    const auto row = std::ranges::find(systems, number, &System::number);
    if (row == systems.end())
        return {"barcode", {}, {}, {}, "there is no barcode system " + std::to_string(system)};
    if (number == 73 && !bytes.empty() && bytes[0] == '{') {
        auto code = encode_code128(bytes);
        if (!code) return {row->name, {}, {}, {}, "a character that its code set has not"};
        return {row->name, bars(code->widths), {}, std::move(code->text), {}};
    }
    const std::string data = for_zint(number, {bytes.begin(), bytes.end()});
    if (data.empty()) return {row->name, {}, {}, {}, "no data"};
    const Zint zint{ZBarcode_Create()};
    if (!zint) return {row->name, {}, {}, {}, "out of memory"};
    // GS1 data without its parentheses has no application identifiers to find.
    zint->symbology = number == 74 && data[0] != '(' && data[0] != '[' ? BARCODE_CODE128 : row->zint;
    zint->input_mode = mode_of(number, data);
    if (zint->symbology == BARCODE_CODE128) zint->input_mode = DATA_MODE;
    Symbol symbol =
        encoded(row->name, zint, {reinterpret_cast<const std::uint8_t*>(data.data()), data.size()});
    // zint's stacked rows are not wanted of a linear barcode.
    if (symbol.modules.height > 1)
        symbol.modules = image_of_rows(symbol.modules.width, 1, symbol.modules.row(0));
    return symbol;
}

Symbol make_matrix(const MatrixOptions& options, Bytes data)
{
    const char* name = name_of(options.kind);
    if (data.empty()) return {name, {}, {}, {}, "no data"};
    const Zint zint{ZBarcode_Create()};
    if (!zint) return {name, {}, {}, {}, "out of memory"};
    zint->symbology = zint_of(options.kind);
    zint->input_mode = DATA_MODE;
    if (options.kind == Matrix::databar_expanded_stacked)
        zint->input_mode = GS1_MODE | GS1NOCHECK_MODE | (data[0] == '(' ? GS1PARENS_MODE : 0);
    zint->option_1 = options.error_level == 0 && options.kind != Matrix::pdf417 ? -1 : options.error_level;
    if (options.size > 0) zint->option_2 = options.size;
    if (options.kind == Matrix::data_matrix && !options.rectangle) zint->option_3 = DM_SQUARE;
    Symbol symbol = encoded(name, zint, data);
    symbol.text.clear();
    const bool stacked = options.kind == Matrix::pdf417 || options.kind == Matrix::pdf417_truncated ||
                         options.kind == Matrix::databar_stacked ||
                         options.kind == Matrix::databar_expanded_stacked;
    if (stacked)
        for (int i = 0; i < symbol.modules.height; ++i)
            symbol.row_heights.push_back(std::max(1, static_cast<int>(std::lround(zint->row_height[i]))));
    return symbol;
}

} // namespace agenthost::printer::render
