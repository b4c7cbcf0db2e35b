#include "text_engine.hpp"

#include <algorithm>

namespace agenthost::printer::render {

using escpos::Command;
using escpos::control;
using escpos::esc;
using escpos::fs;
using escpos::gs;

namespace {

// of ESC ! n and FS ! n
constexpr std::uint8_t bold_bit = 0x08, high_bit = 0x10, wide_bit = 0x20, underline_bit = 0x80;
constexpr int default_tab = 8;
constexpr int max_scale = 8;
// Also of bytes that nobody sees, behind the end of the paper: iconv is asked for each.
constexpr std::uint64_t byte_work = 64, pair_work = 512;

std::uint16_t own_key(Font font, std::uint8_t byte)
{
    return static_cast<std::uint16_t>(static_cast<unsigned>(font) << 8U | byte);
}

} // namespace

TextEngine::TextEngine(const Options& options, Paper& paper)
    : options_{options}, paper_{paper}, decoder_{options.charset}, spacing_{options.line_spacing}
{
    reset();
}

void TextEngine::reset()
{
    line_.clear();
    style_ = {};
    double_strike_ = upside_down_ = own_characters_ = false;
    kanji_bits_ = 0;
    alignment_ = Alignment::left;
    spacing_ = options_.line_spacing;
    left_ = 0;
    area_ = options_.width;
    horizontal_ = vertical_ = {};
    tabs_.clear();
    own_.clear();
    decoder_.select_charset(options_.charset);
    decoder_.select_international(0);
    select_page(options_.code_page);
    if (!decoder_.multi_byte(options_.kanji))
        paper_.warn("unknown charset " + options_.charset + "; Kanji mode stays off");
}

Layout TextEngine::layout() const
{
    if (paper_.page_mode()) return {0, paper_.width(), alignment_};
    const int left = std::min(left_, options_.width - 1);
    return {left, std::clamp(area_, 1, options_.width - left), alignment_};
}

void TextEngine::text(Bytes bytes)
{
    for (const std::uint8_t byte : bytes) {
        if (!paper_.charge(decoder_.is_multi_byte() ? pair_work : byte_work)) return;
        if (!decoder_.pending() && own_characters_) {
            const auto own = own_.find(own_key(style_.font, byte));
            if (own != own_.end()) {
                put_glyph(own->second, byte, current_style());
                continue;
            }
        }
        if (const auto code = decoder_.take(byte)) put(*code, byte);
    }
}

Style TextEngine::current_style() const
{
    Style style = style_;
    style.bold = style.bold || double_strike_;
    return style;
}

void TextEngine::put(char32_t code, std::uint8_t byte)
{
    Style style = current_style();
    if (decoder_.is_multi_byte() && byte >= 0x80 && kanji_bits_ != 0) {
        if ((kanji_bits_ & 0x04) != 0) style.x_scale = std::max(style.x_scale, 2);
        if ((kanji_bits_ & 0x08) != 0) style.y_scale = std::max(style.y_scale, 2);
        if ((kanji_bits_ & underline_bit) != 0) style.underline = std::max(style.underline, 1);
    }
    if (code == Decoder::nothing) paper_.warn("the selected code page has no character for a byte");
    put_glyph(glyph_of(code, style.font), code, style);
}

void TextEngine::put_glyph(const Glyph& glyph, char32_t code, Style style)
{
    if (!line_.empty() && (line_.full() || line_.x() + Line::width_of(glyph, style) > layout().width))
        end_line();
    line_.add(glyph, code, style);
}

Glyph TextEngine::glyph_of(char32_t code, Font font)
{
    const CellSize cell = cell_of(font);
    if (const auto own = find_glyph(font, code)) return *own;
    if (options_.wide_font && code != Decoder::nothing) {
        if (const auto wide = options_.wide_font->find(code))
            return resized(*wide, wide->width > 8 ? cell.width * 2 : cell.width, cell.height);
    }
    if (code != Decoder::nothing) paper_.warn("no font has a character; a box was drawn for it");
    const bool full_width = (code >= 0x1100 && code < 0xff61) || (code >= 0xffa0 && code != Decoder::nothing);
    return missing_glyph(full_width && code > 0x2e80 ? cell.width * 2 : cell.width, cell.height);
}

void TextEngine::end_line()
{
    if (!line_.empty()) feed(0);
}

// The paper moves by the line's height at least.
void TextEngine::feed(int rows)
{
    const int height = line_.height();
    const bool spaced = rows == 0;
    line_.print(paper_, layout(), upside_down_);
    line_.clear();
    paper_.advance(std::max(height, spaced ? spacing_ : rows));
}

void TextEngine::add_image(Image image, int x_scale, int y_scale)
{
    if (line_.full()) end_line();
    line_.add(std::move(image), x_scale, y_scale);
}

void TextEngine::label(std::string_view ascii, Font font, const Layout& where)
{
    Line line;
    Style style;
    style.font = font;
    for (const char c : ascii) {
        const auto code = static_cast<std::uint8_t>(c);
        line.add(glyph_of(code < 0x80 ? code : Decoder::nothing, font), code, style);
    }
    const int height = line.height();
    line.print(paper_, where, false);
    paper_.advance(height);
}

bool TextEngine::run(const Command& c, Bytes data)
{
    return style(c) || line_feed(c) || position(c, data) || characters(c, data);
}

void TextEngine::print_mode(std::uint8_t bits)
{
    style_.font = (bits & 1) != 0 ? Font::b : Font::a;
    style_.bold = (bits & bold_bit) != 0;
    style_.y_scale = (bits & high_bit) != 0 ? 2 : 1;
    style_.x_scale = (bits & wide_bit) != 0 ? 2 : 1;
    style_.underline = (bits & underline_bit) != 0 ? 1 : 0;
}

bool TextEngine::style(const Command& c)
{
    const std::uint8_t n = c.arg(0);
    const bool on = (n & 1) != 0;
    switch (c.op) {
    case esc('!'): print_mode(n); return true;
    case esc('E'): style_.bold = on; return true;
    case esc('G'): double_strike_ = on; return true;
    case esc('M'): style_.font = n == 1 || n == '1' ? Font::b : Font::a; return true;
    case esc('-'):
    case fs('-'): {
        const int rows = n >= '0' ? n - '0' : n;
        if (rows > 2) return true;
        if (c.op == esc('-')) style_.underline = rows;
        kanji_bits_ =
            static_cast<std::uint8_t>(rows > 0 ? kanji_bits_ | underline_bit : kanji_bits_ & ~underline_bit);
        return true;
    }
    case esc('{'): upside_down_ = on; return true;
    case esc('V'): style_.turned = n == 1 || n == 2 || n == '1' || n == '2'; return true;
    case gs('B'): style_.inverse = on; return true;
    case gs('!'):
        style_.x_scale = std::min((n >> 4) + 1, max_scale);
        style_.y_scale = std::min((n & 15) + 1, max_scale);
        return true;
    case fs('!'): kanji_bits_ = n; return true;
    case fs('W'):
        kanji_bits_ = static_cast<std::uint8_t>(on ? kanji_bits_ | 0x0c : kanji_bits_ & ~0x0c);
        return true;
    case esc(' '): style_.spacing = std::min(horizontal(n), 255); return true;
    // Colour, smoothing, italics, Kanji spacing: no difference, or none that a receipt needs.
    case esc('r'):
    case gs('b'):
    case esc('4'):
    case esc('5'):
    case fs('S'): return true;
    default: return false;
    }
}

bool TextEngine::line_feed(const Command& c)
{
    switch (c.op) {
    case control(0x0a): feed(0); return true;
    case control(0x0d):
    case control(0x00): return true;
    case esc('d'): {
        const int lines = c.arg(0);
        if (!line_.empty() || lines > 0) feed(lines == 0 ? line_.height() : std::max(1, lines * spacing_));
        return true;
    }
    case esc('J'):
        if (!line_.empty() || c.arg(0) > 0) feed(std::max(1, vertical(c.arg(0))));
        return true;
    // Backwards.
    case esc('K'): paper_.advance(-vertical(c.arg(0))); return true;
    case esc('e'): paper_.advance(-c.arg(0) * spacing_); return true;
    case esc('2'): spacing_ = options_.line_spacing; return true;
    case esc('3'): spacing_ = vertical(c.arg(0)); return true;
    case gs('P'):
        horizontal_ = c.arg(0) == 0 ? Unit{} : Unit{options_.dots_per_inch, c.arg(0)};
        vertical_ = c.arg(1) == 0 ? Unit{} : Unit{options_.dots_per_inch, c.arg(1)};
        return true;
    default: return false;
    }
}

bool TextEngine::position(const Command& c, Bytes data)
{
    switch (c.op) {
    case control(0x09): tab(); return true;
    case esc('D'):
        tabs_.clear();
        for (const std::uint8_t column : data)
            tabs_.push_back(column * (cell_of(style_.font).width + style_.spacing) * style_.x_scale);
        return true;
    case esc('$'): move_to(horizontal(c.arg16(0))); return true;
    case esc('\\'): move_to(line_.x() + horizontal(static_cast<std::int16_t>(c.arg16(0)))); return true;
    case esc('a'):
        if (const int n = c.arg(0) >= '0' ? c.arg(0) - '0' : c.arg(0); n <= 2)
            alignment_ = static_cast<Alignment>(n);
        return true;
    case gs('L'): left_ = std::min(horizontal(c.arg16(0)), options_.width - 1); return true;
    case gs('W'): area_ = horizontal(c.arg16(0)); return true;
    case gs('$'):
        if (!paper_.page_mode()) return true;
        print_in_place();
        paper_.set_baseline(vertical(c.arg16(0)));
        return true;
    case gs('\\'):
        if (!paper_.page_mode()) return true;
        print_in_place();
        paper_.advance(vertical(static_cast<std::int16_t>(c.arg16(0))));
        return true;
    case gs('T'): line_.clear(); return true;
    default: return false;
    }
}

// The next characters go on beside it, at another height.
void TextEngine::print_in_place()
{
    const int x = line_.x();
    line_.print(paper_, layout(), upside_down_);
    line_.move_to(x);
}

void TextEngine::tab()
{
    int next = -1;
    if (tabs_.empty()) {
        const int step = default_tab * cell_of(style_.font).width * style_.x_scale;
        next = (line_.x() / step + 1) * step;
    } else if (const auto stop = std::ranges::upper_bound(tabs_, line_.x()); stop != tabs_.end()) {
        next = *stop;
    }
    move_to(next);
}

// A place outside the printing area is ignored, as is HT after the last stop.
void TextEngine::move_to(int x)
{
    if (x >= 0 && x < layout().width) line_.move_to(x);
}

bool TextEngine::characters(const Command& c, Bytes data)
{
    const std::uint8_t n = c.arg(0);
    switch (c.op) {
    case esc('t'): select_page(n); return true;
    case esc('R'): decoder_.select_international(n); return true;
    case esc('%'): own_characters_ = (n & 1) != 0; return true;
    case esc('?'): own_.erase(own_key(style_.font, n)); return true;
    case esc('&'): define(c, data); return true;
    case fs('&'):
        if (!decoder_.multi_byte(true)) paper_.warn("the printer's charset is unknown; FS & has no effect");
        return true;
    case fs('.'):
        if (!decoder_.always_multi_byte()) decoder_.multi_byte(false);
        return true;
    case fs('C'):
        if (n == 0 || n == '0')
            decoder_.select_charset("JIS");
        else
            decoder_.select_shift_jis();
        return true;
    case fs('(', 'C'):
        // fn 48: the encoding of all characters
        if (data.size() >= 2 && data[0] == 48) {
            const bool utf8 = data[1] == 2 || data[1] == '2';
            decoder_.select_charset(utf8 ? "UTF-8" : options_.charset);
            decoder_.multi_byte(utf8 || options_.kanji);
        }
        return true;
    case fs('2'):
    case fs('?'):
    case fs('(', 'A'): return true;
    default: return false;
    }
}

void TextEngine::select_page(std::uint8_t number)
{
    const CodePage* page = nullptr;
    const auto row =
        std::ranges::find(options_.code_pages, number, &std::pair<std::uint8_t, std::string>::first);
    if (row != options_.code_pages.end())
        page = find_code_page(row->second);
    else
        page = epson_code_page(number);
    if (!page) paper_.warn("unknown code page " + std::to_string(number));
    decoder_.select(page);
}

void TextEngine::define(const Command& c, Bytes data)
{
    const CellSize cell = cell_of(style_.font);
    const auto column_bytes = static_cast<std::size_t>(c.arg(0));
    std::size_t at = 0;
    for (unsigned byte = c.arg(1); byte <= c.arg(2) && at < data.size(); ++byte) {
        const std::size_t width = data[at++], size = width * column_bytes;
        if (size > data.size() - at) return;
        Glyph glyph{cell.width, cell.height, {}};
        for (std::size_t x = 0; x < std::min<std::size_t>(width, static_cast<std::size_t>(cell.width)); ++x) {
            for (std::size_t y = 0; y < std::min(column_bytes * 8, static_cast<std::size_t>(cell.height));
                 ++y)
                if (bit_at(data.subspan(at + x * column_bytes, column_bytes), y))
                    glyph.rows[y] |= 0x80000000U >> x;
        }
        own_[own_key(style_.font, static_cast<std::uint8_t>(byte))] = glyph;
        at += size;
    }
}

} // namespace agenthost::printer::render
