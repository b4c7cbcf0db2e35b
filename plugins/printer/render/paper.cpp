#include "paper.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::printer::render {

namespace {

constexpr std::size_t max_notes = 1'000, max_warnings = 100;
// A cut is drawn as two rows of dashes with white above and below them.
constexpr int mark_rows = 2, mark_margin = 8, dash = 12, gap = 6;

} // namespace

Paper::Paper(const Options& options) : options_{options}
{
    receipt_.picture = Picture{options.width, options.max_rows};
}

Surface Paper::surface()
{
    if (page_) return {page_->picture, page_->area, page_->direction};
    return {receipt_.picture, {0, 0, options_.width, options_.max_rows}, Direction::right};
}

void Paper::move_to(int y) { y_ = std::clamp(y, 0, options_.max_rows); }

void Paper::advance(int rows)
{
    move_to(y_ + rows);
    if (page_ || rows <= 0) return;
    if (!receipt_.picture.grow(y_) || y_ == options_.max_rows)
        clip("the receipt is longer than the picture may be");
}

bool Paper::charge(std::uint64_t work)
{
    if (work_ > options_.max_work) {
        if (!std::exchange(exhausted_, true)) clip("the receipt needs more work than a picture may");
        return false;
    }
    work_ += work;
    return true;
}

bool Paper::begin(int rows, std::uint64_t dots)
{
    // The cost of looking at it, however small it is.
    if (!charge(dots + 64)) return false;
    if (baseline_ && rows > 0) move_to(*std::exchange(baseline_, std::nullopt) - rows);
    if (page_) return true;
    if (y_ >= options_.max_rows) return false;
    if (!receipt_.picture.grow(y_ + rows)) clip("the receipt is longer than the picture may be");
    return true;
}

bool Paper::may_add(const TextLine& line)
{
    if (line_count_ >= options_.max_lines || text_bytes_ + line.text.size() > options_.max_text) {
        clip("the receipt has more lines of text than are kept");
        return false;
    }
    ++line_count_;
    text_bytes_ += line.text.size();
    return true;
}

void Paper::add(TextLine line)
{
    line.where = surface().on_picture(line.where);
    keep(std::move(line));
}

// An image often comes in stripes, a line each.
void Paper::keep(TextLine line)
{
    auto& lines = page_ ? page_->lines : receipt_.lines;
    if (line.kind == TextLine::Kind::image && !lines.empty() && lines.back().kind == line.kind) {
        Rectangle& above = lines.back().where;
        if (above.x == line.where.x && above.width == line.where.width &&
            above.y + above.height == line.where.y) {
            above.height += line.where.height;
            lines.back().text = std::to_string(above.width) + 'x' + std::to_string(above.height);
            return;
        }
    }
    if (may_add(line)) lines.push_back(std::move(line));
}

void Paper::note(Note::Kind kind, std::string text)
{
    if (receipt_.notes.size() < max_notes)
        receipt_.notes.push_back({kind, page_ ? paper_y_ : y_, std::move(text)});
}

void Paper::warn(std::string text)
{
    auto& warnings = receipt_.warnings;
    const auto same = std::ranges::find(warnings, text, &Warning::text);
    if (same != warnings.end())
        ++same->count;
    else if (warnings.size() < max_warnings)
        warnings.push_back({std::move(text)});
}

void Paper::clip(const char* why)
{
    receipt_.clipped = true;
    warn(why);
}

void Paper::cut(bool partial)
{
    if (page_ || y_ >= options_.max_rows || receipt_.cuts.size() >= max_notes) return;
    const int rows = options_.cut_marks ? mark_margin * 2 + mark_rows : 0;
    if (options_.cut_marks && !begin(rows, static_cast<std::uint64_t>(options_.width) * mark_rows)) return;
    const int at = y_ + rows / 2;
    if (options_.cut_marks) {
        // A partial cut leaves the middle.
        const int kept = partial ? options_.width / 8 : 0, middle = options_.width / 2;
        for (int x = 0; x < options_.width; x += dash + gap) {
            if (partial && x + dash > middle - kept && x < middle + kept) continue;
            surface().fill({x, y_ + mark_margin, std::min(dash, options_.width - x), mark_rows});
        }
    }
    receipt_.cuts.push_back({at, partial});
    keep({TextLine::Kind::cut, {0, y_, options_.width, rows}, partial ? "partial" : "full", {}});
    advance(rows);
}

void Paper::open_page()
{
    if (page_ || !charge(page_work())) return;
    paper_y_ = y_;
    page_.emplace(Page{
        Picture{options_.width, options_.page_height}, {0, 0, options_.width, options_.page_height}, {}, {}});
    page_->picture.grow(options_.page_height);
    y_ = 0;
}

std::uint64_t Paper::page_work() const
{
    return static_cast<std::uint64_t>(options_.page_height) * static_cast<std::uint64_t>(options_.width) / 8;
}

void Paper::set_area(Rectangle area)
{
    if (!page_) return;
    area.x = std::min(area.x, options_.width - 1);
    area.y = std::min(area.y, options_.page_height - 1);
    area.width = std::clamp(area.width, 1, options_.width - area.x);
    area.height = std::clamp(area.height, 1, options_.page_height - area.y);
    page_->area = area;
    baseline_.reset();
    y_ = 0;
}

void Paper::set_direction(Direction direction)
{
    if (!page_) return;
    page_->direction = direction;
    baseline_.reset();
    y_ = 0;
}

void Paper::print_page()
{
    if (!page_) return;
    baseline_.reset();
    const Rectangle area = page_->area;
    const int rows = area.y + area.height, area_y = std::exchange(y_, paper_y_);
    auto page = std::exchange(page_, std::nullopt);
    if (begin(rows, static_cast<std::uint64_t>(rows) * options_.width / 8)) {
        for (int i = 0; i < rows; ++i)
            receipt_.picture.add_row(0, y_ + i, page->picture.row(i), options_.width);
        for (TextLine line : page->lines) {
            line.where.y += y_;
            keep(std::move(line));
        }
    }
    advance(rows);
    paper_y_ = y_;
    page_ = std::move(page);
    y_ = area_y;
}

void Paper::clear_page()
{
    if (!page_ || !charge(page_work())) return;
    page_->picture.clear();
    page_->picture.grow(options_.page_height);
    page_->lines.clear();
    y_ = 0;
}

void Paper::close_page()
{
    if (!page_) return;
    page_.reset();
    baseline_.reset();
    y_ = paper_y_;
}

Receipt Paper::take() { return std::move(receipt_); }

} // namespace agenthost::printer::render
