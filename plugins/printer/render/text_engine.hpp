// Prints text: decodes bytes, applies styles and breaks lines. Runs the commands for text. The other engines
// ask it for the printing area, and to end the line. Pure.
#pragma once

#include "plugins/printer/escpos/command.hpp"
#include "plugins/printer/render/decoder.hpp"
#include "plugins/printer/render/line.hpp"

#include <map>

namespace agenthost::printer::render {

class TextEngine {
public:
    TextEngine(const Options&, Paper&);

    void text(Bytes);
    // Runs a command with its complete `data`. Returns false if it is not a command for text.
    bool run(const escpos::Command&, Bytes data);
    // ESC @.
    void reset();

    // Prints the line, unless it is empty, and moves to the next one.
    void end_line();
    // Discards the line.
    void drop_line() { line_.clear(); }
    // Adds a column image to the line.
    void add_image(Image image, int x_scale, int y_scale);
    // Returns the current printing area and alignment.
    [[nodiscard]] Layout layout() const;
    // Prints the readable text of a barcode in this layout.
    void label(std::string_view ascii, Font, const Layout&);
    // Converts motion units to dots.
    [[nodiscard]] int vertical(int units) const { return units * vertical_.dots / vertical_.units; }
    [[nodiscard]] int horizontal(int units) const { return units * horizontal_.dots / horizontal_.units; }

private:
    struct Unit {
        int dots = 1, units = 1;
    };

    bool style(const escpos::Command&);
    bool line_feed(const escpos::Command&);
    bool position(const escpos::Command&, Bytes data);
    bool characters(const escpos::Command&, Bytes data);
    void print_mode(std::uint8_t bits);
    void feed(int rows);
    void put(char32_t code, std::uint8_t byte);
    void put_glyph(const Glyph&, char32_t code, Style);
    [[nodiscard]] Glyph glyph_of(char32_t code, Font);
    [[nodiscard]] Style current_style() const;
    void print_in_place();
    void tab();
    void move_to(int x);
    void define(const escpos::Command&, Bytes data);
    void select_page(std::uint8_t number);

    const Options& options_;
    Paper& paper_;
    Decoder decoder_;
    Line line_;
    Style style_;
    bool double_strike_ = false, upside_down_ = false, own_characters_ = false;
    // FS ! and FS W: only for characters of Kanji mode
    std::uint8_t kanji_bits_ = 0;
    Alignment alignment_ = Alignment::left;
    int spacing_, left_ = 0, area_ = 0;
    Unit horizontal_, vertical_;
    std::vector<int> tabs_;
    // font and byte -> dots (ESC &)
    std::map<std::uint16_t, Glyph> own_;
};

} // namespace agenthost::printer::render
