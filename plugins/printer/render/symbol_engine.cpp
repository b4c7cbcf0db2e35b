#include "symbol_engine.hpp"

#include "base/utf8.hpp"

#include <algorithm>

namespace agenthost::printer::render {

using escpos::Command;
using escpos::esc;
using escpos::gs;

namespace {

// GS ( k: the kinds
constexpr std::uint8_t pdf417_kind = 48, qr_kind = 49, maxicode_kind = 50, databar_kind = 51, aztec_kind = 53,
                       data_matrix_kind = 54;
// and the functions that all have
constexpr std::uint8_t store_function = 80, print_function = 81, size_function = 82;
// A symbol costs more than its dots: choosing a mask, correcting errors. In dots, for each byte of data.
constexpr std::uint64_t symbol_work = 20'000, byte_work = 3'000;

std::uint8_t at(Bytes bytes, std::size_t i) { return i < bytes.size() ? bytes[i] : 0; }

std::string printable(Bytes data)
{
    constexpr std::string_view digits = "0123456789abcdef";
    const std::string_view text{reinterpret_cast<const char*>(data.data()), data.size()};
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = base::utf8_length(text, i);
        const auto byte = static_cast<unsigned char>(text[i]);
        if (length == 0 || byte < 0x20 || byte == 0x7f) {
            out += "\\x";
            out += digits[byte >> 4U];
            out += digits[byte & 15U];
            ++i;
        } else {
            out += text.substr(i, length);
            i += length;
        }
    }
    return out;
}

std::vector<std::uint8_t> copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

} // namespace

void SymbolEngine::reset()
{
    height_ = 162;
    module_ = 3;
    label_ = 0;
    label_font_ = Font::a;
    pdf417_ = qr_ = maxicode_ = databar_ = aztec_ = data_matrix_ = {};
    pdf417_.options.kind = Matrix::pdf417;
    pdf417_.options.error_level = 1;
    qr_.options.error_level = 1;
    maxicode_.options.kind = Matrix::maxicode;
    databar_.options.kind = Matrix::databar_stacked;
    databar_.module = 2;
    aztec_.options.kind = Matrix::aztec;
    data_matrix_.options.kind = Matrix::data_matrix;
}

bool SymbolEngine::run(const Command& c, Bytes data)
{
    const std::uint8_t n = c.arg(0);
    switch (c.op) {
    case gs('h'): height_ = std::max<int>(1, n); return true;
    case gs('w'): module_ = std::clamp<int>(n, 1, 8); return true;
    case gs('H'): label_ = n >= '0' ? n - '0' : n; return true;
    case gs('f'): label_font_ = n == 1 || n == '1' ? Font::b : Font::a; return true;
    case gs('k'): barcode(n, data); return true;
    case gs('(', 'k'):
        if (data.size() >= 2) setting(data[0], data[1], data.subspan(2));
        return true;
    case esc('Z'): china_qr(c, data); return true;
    default: return false;
    }
}

SymbolEngine::Stored* SymbolEngine::stored(std::uint8_t kind)
{
    switch (kind) {
    case pdf417_kind: return &pdf417_;
    case qr_kind: return &qr_;
    case maxicode_kind: return &maxicode_;
    case databar_kind: return &databar_;
    case aztec_kind: return &aztec_;
    case data_matrix_kind: return &data_matrix_;
    default: return nullptr;
    }
}

void SymbolEngine::setting(std::uint8_t kind, std::uint8_t function, Bytes parameters)
{
    Stored* const of = stored(kind);
    if (!of) return paper_.warn("GS ( k: symbols of kind " + std::to_string(kind) + " are not drawn");
    switch (function) {
    case store_function:
        // m, and for GS1 DataBar the type too
        if (kind == databar_kind)
            of->options.kind =
                at(parameters, 1) == 76 ? Matrix::databar_expanded_stacked : Matrix::databar_stacked;
        of->data =
            copy(parameters.subspan(std::min<std::size_t>(kind == databar_kind ? 2 : 1, parameters.size())));
        return;
    case print_function: return matrix(*of);
    case size_function: return;
    default: break;
    }
    if (kind == qr_kind) return qr_setting(function, parameters);
    if (kind == pdf417_kind) return pdf417_setting(function, parameters);
    other_setting(*of, kind, function, parameters);
}

void SymbolEngine::qr_setting(std::uint8_t function, Bytes parameters)
{
    const std::uint8_t n = at(parameters, 0);
    switch (function) {
    case 65:
        if (n == 49) paper_.warn("QR model 1 is drawn as model 2");
        qr_.options.kind = n == 51 ? Matrix::micro_qr : Matrix::qr;
        return;
    case 67: qr_.module = std::clamp<int>(n, 1, 16); return;
    case 69:
        if (n >= 48 && n <= 51) qr_.options.error_level = n - 47;
        return;
    default: return;
    }
}

void SymbolEngine::pdf417_setting(std::uint8_t function, Bytes parameters)
{
    const std::uint8_t n = at(parameters, 0);
    switch (function) {
    case 65: pdf417_.options.size = std::min<int>(n, 30); return;
    case 67: pdf417_.module = std::clamp<int>(n, 1, 8); return;
    case 68: pdf417_.row_height = std::clamp<int>(n, 1, 8); return;
    case 69:
        // a level, or a ratio in tenths that zint has no setting for
        pdf417_.options.error_level =
            n == 48 && at(parameters, 1) >= 48 ? std::min(at(parameters, 1) - 48, 8) : -1;
        return;
    case 70: pdf417_.options.kind = (n & 1) != 0 ? Matrix::pdf417_truncated : Matrix::pdf417; return;
    default: return;
    }
}

void SymbolEngine::other_setting(Stored& of, std::uint8_t kind, std::uint8_t function, Bytes parameters)
{
    const std::uint8_t n = at(parameters, 0);
    if (function == 67) {
        of.module = std::clamp<int>(n, 1, 16);
    } else if (kind == data_matrix_kind && function == 66) {
        of.options.rectangle = n == 49;
    } else if (kind == aztec_kind && function == 69) {
        // percent of the code words; zint has 10, 23, 36 and 50
        of.options.error_level = n <= 16 ? 1 : n <= 29 ? 2 : n <= 43 ? 3 : 4;
    }
}

bool SymbolEngine::usable(const Symbol& symbol, int width, Bytes data)
{
    if (symbol.error.empty() && width > 0 && width <= text_.layout().width) return true;
    paper_.warn(symbol.name + " is not printed: " +
                (symbol.error.empty() ? "it is wider than the printing area" : symbol.error));
    add_line(symbol, {text_.layout().left, paper_.y(), 0, 0}, data);
    return false;
}

void SymbolEngine::add_line(const Symbol& symbol, Rectangle where, Bytes data)
{
    paper_.add({TextLine::Kind::symbol, where, printable(data), symbol.name});
}

void SymbolEngine::barcode(std::uint8_t system, Bytes data)
{
    text_.end_line();
    if (!paper_.begin(0, symbol_work + byte_work * data.size())) return;
    const Symbol symbol = make_barcode(system, data);
    if (usable(symbol, symbol.modules.width * module_, data)) print_barcode(symbol, data);
}

void SymbolEngine::print_barcode(const Symbol& symbol, Bytes data)
{
    const Layout layout = text_.layout();
    const int width = symbol.modules.width * module_, x = layout.x_of(width);
    // The label may be wider than the bars; it stays around their middle.
    const int label_width = static_cast<int>(symbol.text.size()) * cell_of(label_font_).width;
    const int free = std::max(0, label_width - width);
    const Layout beside{std::max(layout.left, x - free / 2), std::max(width, label_width), Alignment::center};
    if ((label_ & 1) != 0) text_.label(symbol.text, label_font_, beside);
    if (!paper_.begin(height_, static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height_)))
        return;
    Surface surface = paper_.surface();
    draw_row(surface, x, paper_.y(), symbol.modules.row(0), symbol.modules.width, module_, height_);
    const std::string text = symbol.text;
    // In code set C bytes are numbers: what people read says more.
    const Bytes shown{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    add_line(symbol, {x, paper_.y(), width, height_},
             symbol.name == "CODE128" && !data.empty() && data[0] == '{' ? shown : data);
    paper_.advance(height_);
    if ((label_ & 2) != 0) text_.label(symbol.text, label_font_, beside);
}

void SymbolEngine::matrix(const Stored& of)
{
    text_.end_line();
    if (!paper_.begin(0, symbol_work + byte_work * of.data.size())) return;
    const Symbol symbol = make_matrix(of.options, of.data);
    // Its modules are hexagons around rings; squares without rings show where it is and how large.
    if (of.options.kind == Matrix::maxicode)
        paper_.warn("MaxiCode is drawn as a sketch that scanners do not read");
    if (usable(symbol, symbol.modules.width * of.module, of.data)) print_matrix(symbol, of);
}

void SymbolEngine::print_matrix(const Symbol& symbol, const Stored& of)
{
    const bool stacked = !symbol.row_heights.empty();
    // PDF417's rows have a height of their own, in modules; GS1 DataBar's are as its standard says.
    const auto height_of = [&](int row) {
        if (!stacked) return of.module;
        return of.module *
               (&of == &pdf417_ ? of.row_height : symbol.row_heights[static_cast<std::size_t>(row)]);
    };
    int height = 0;
    for (int row = 0; row < symbol.modules.height; ++row) height += height_of(row);
    const int width = symbol.modules.width * of.module, x = text_.layout().x_of(width);
    if (!paper_.begin(height, static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height))) return;
    Surface surface = paper_.surface();
    int y = paper_.y();
    for (int row = 0; row < symbol.modules.height; ++row) {
        draw_row(surface, x, y, symbol.modules.row(row), symbol.modules.width, of.module, height_of(row));
        y += height_of(row);
    }
    add_line(symbol, {x, paper_.y(), width, height}, of.data);
    paper_.advance(height);
}

// ESC Z m n k: version, error level L M Q H, module size.
void SymbolEngine::china_qr(const Command& c, Bytes data)
{
    constexpr std::string_view levels = "LMQH";
    Stored of;
    const std::size_t level = levels.find(static_cast<char>(c.arg(1)));
    of.options.error_level = level == levels.npos ? 1 : static_cast<int>(level) + 1;
    of.module = std::clamp<int>(c.arg(2), 1, 16);
    of.data = copy(data);
    matrix(of);
}

} // namespace agenthost::printer::render
