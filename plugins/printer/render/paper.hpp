// The paper that a receipt is drawn on, and page mode's page before it is printed. Keeps the bounds of
// Options: beyond them nothing is drawn and the receipt is `clipped`. Pure.
#pragma once

#include "plugins/printer/render/options.hpp"
#include "plugins/printer/render/receipt.hpp"

#include <optional>

namespace agenthost::printer::render {

class Paper {
public:
    explicit Paper(const Options&);

    // Where one draws now: the paper (as wide as it is, without end) or page mode's area in its direction.
    [[nodiscard]] Surface surface();
    [[nodiscard]] int width() { return surface().width(); }
    // The row that the next line begins at.
    [[nodiscard]] int y() const { return y_; }
    void move_to(int y);
    // The next thing that is drawn has its bottom here.
    void set_baseline(int y) { baseline_ = y; }
    // Feeds paper, or goes down the page.
    void advance(int rows);
    // Before drawing `rows` rows at y() (which a baseline moves), which take about `dots` dots of work.
    // False: it may not be drawn.
    [[nodiscard]] bool begin(int rows, std::uint64_t dots);

    // `line.where` in coordinates of surface().
    void add(TextLine line);
    void note(Note::Kind, std::string text);
    void warn(std::string text);
    void cut(bool partial);

    [[nodiscard]] bool page_mode() const { return page_.has_value(); }
    void open_page();
    void set_area(Rectangle);
    void set_direction(Direction);
    // Prints the page on the paper and keeps it.
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
    [[nodiscard]] bool may_add(const TextLine&);
    void keep(TextLine line);
    void clip(const char* why);

    const Options& options_;
    Receipt receipt_;
    std::optional<Page> page_;
    // on the paper or in the page's area; `paper_y_` is kept meanwhile
    int y_ = 0, paper_y_ = 0;
    std::optional<int> baseline_;
    std::uint64_t work_ = 0;
    std::size_t text_bytes_ = 0, line_count_ = 0;
};

} // namespace agenthost::printer::render
