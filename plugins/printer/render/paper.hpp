// Owns the paper that a receipt is drawn on, and the page of page mode until it is printed. Enforces the
// bounds of Options: beyond them it draws nothing and marks the receipt `clipped`. Pure.
#pragma once

#include "plugins/printer/render/options.hpp"
#include "plugins/printer/render/receipt.hpp"

#include <optional>

namespace agenthost::printer::render {

class Paper {
public:
    explicit Paper(const Options&);

    // Returns the current drawing area: the endless paper in its full width, or the page mode area in its
    // direction.
    [[nodiscard]] Surface surface();
    [[nodiscard]] int width() { return surface().width(); }
    // The row where the next line begins.
    [[nodiscard]] int y() const { return y_; }
    void move_to(int y);
    // Sets the bottom row of what is drawn next.
    void set_baseline(int y) { baseline_ = y; }
    // Feeds paper, or moves down the page in page mode.
    void advance(int rows);
    // Call before drawing `rows` rows at y() (which a baseline moves) with about `dots` dots of work. Returns
    // false if a bound forbids the drawing.
    [[nodiscard]] bool begin(int rows, std::uint64_t dots);
    // Counts work that draws nothing. Returns false if the bound is reached.
    bool charge(std::uint64_t work);

    // Adds a line; `line.where` is in coordinates of surface().
    void add(TextLine line);
    void note(Note::Kind, std::string text);
    void warn(std::string text);
    void cut(bool partial);

    [[nodiscard]] bool page_mode() const { return page_.has_value(); }
    void open_page();
    void set_area(Rectangle);
    void set_direction(Direction);
    // Prints the page on the paper and keeps the page.
    void print_page();
    void clear_page();
    void close_page();

    Receipt take();

private:
    struct Page {
        Picture picture;
        Rectangle area;
        Direction direction = Direction::right;
        std::vector<TextLine> lines;
    };
    [[nodiscard]] std::uint64_t page_work() const;
    [[nodiscard]] bool may_add(const TextLine&);
    void keep(TextLine line);
    void clip(const char* why);

    const Options& options_;
    Receipt receipt_;
    std::optional<Page> page_;
    // y_ is a row of the paper, or of the page mode area; then paper_y_ is the row of the paper
    int y_ = 0, paper_y_ = 0;
    std::optional<int> baseline_;
    std::uint64_t work_ = 0;
    bool exhausted_ = false;
    std::size_t text_bytes_ = 0, line_count_ = 0;
};

} // namespace agenthost::printer::render
