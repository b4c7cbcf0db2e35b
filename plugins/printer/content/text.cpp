#include "text.hpp"

#include "cells.hpp"
#include "charset.hpp"
#include "raster.hpp"
#include "text_cells.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace agenthost::printer {

namespace {

constexpr std::uint8_t esc = 0x1B, fs = 0x1C, gs = 0x1D;
constexpr std::size_t no_way = std::numeric_limits<std::size_t>::max();
// Between lines of font A at the printer's usual line spacing, 30 dots.
constexpr unsigned line_gap = 6;

// A stretch of text that one page, or the CJK mode, prints.
struct Run {
    std::size_t characters = 0;
    std::size_t way = no_way;
};

bool lacks(const Cell& cell) { return cell.printable->ways.none(); }
bool is_picture(const Cells& line) { return std::ranges::any_of(line, lacks); }

bool has_page(const Profile& profile, std::uint8_t number)
{
    return std::ranges::find(profile.pages, number, &PageNumber::number) != profile.pages.end();
}

// Stands for a character without a glyph.
Bitmap box(unsigned width, unsigned height)
{
    Bitmap out{width, height};
    const unsigned right = width - std::min(width, 3U), top = height / 6, bottom = height - height / 6;
    for (unsigned i = 1; i <= right; ++i) {
        out.set(i, top);
        out.set(i, bottom);
    }
    for (unsigned i = top; i <= bottom; ++i) {
        out.set(1, i);
        out.set(right, i);
    }
    return out;
}

// Writes one text; used once.
class Writer {
public:
    Writer(const TextOptions& options, const Profile& profile, const GlyphSource* glyphs)
        : options_{options}, profile_{profile}, glyphs_{glyphs}, repertoire_{profile}
    {}

    Composed write(std::u32string_view text)
    {
        const unsigned columns = (options_.font_b ? profile_.columns_b : profile_.columns_a) / options_.width;
        const LineRules rules{std::max(columns, 2U), std::clamp(options_.tab, 1U, 64U), options_.words};
        std::vector<Cells> lines = break_lines(text, rules, repertoire_, out_.meta.dropped);
        out_.meta.lines = lines.size();
        for (Cells& line : lines) replace_what_cannot_be_drawn(line);
        plan(lines);
        begin();
        for (const Cells& line : lines) {
            if (is_picture(line))
                picture_line(line);
            else
                text_line(line);
            if (out_.bytes.size() > max_composed_bytes)
                return {{},
                        {},
                        problem(code::too_large, "the text as printer commands is larger than " +
                                                     std::to_string(max_composed_bytes) + " bytes")};
        }
        end();
        return std::move(out_);
    }

private:
    void put(std::initializer_list<std::uint8_t> bytes) { out_.bytes.insert(out_.bytes.end(), bytes); }
    void put(std::string_view bytes) { out_.bytes.insert(out_.bytes.end(), bytes.begin(), bytes.end()); }

    // Without pictures a character that no page has becomes a square of the same width.
    void replace_what_cannot_be_drawn(Cells& line)
    {
        const std::size_t missing = static_cast<std::size_t>(std::ranges::count_if(line, lacks));
        if (missing == 0) return;
        if (glyphs_ && profile_.image != Image::none) {
            out_.meta.raster_characters += missing;
            return;
        }
        out_.meta.replaced += missing;
        const Printable* square = &repertoire_.of(U'\u25A0');
        const Cell instead = square->ways.any() && square->cells == 1 ? Cell{U'\u25A0', square}
                                                                      : Cell{'*', &repertoire_.of('*')};
        Cells replaced;
        for (const Cell& cell : line) {
            if (!lacks(cell))
                replaced.push_back(cell);
            else
                replaced.insert(replaced.end(), cell.printable->cells, instead);
        }
        line = std::move(replaced);
    }

    // The fewest runs: each goes as far as one way is left that prints all of it.
    void plan(const std::vector<Cells>& lines)
    {
        Ways left;
        left.set();
        std::size_t characters = 0;
        const auto close = [&] {
            // Plain ASCII needs no page.
            if (characters > 0) runs_.push_back({characters, left.all() ? no_way : preferred(left)});
            characters = 0;
        };
        for (const Cells& line : lines) {
            if (is_picture(line)) continue;
            for (const Cell& cell : line) {
                const Ways both = left & cell.printable->ways;
                if (both.none()) close();
                left = both.none() ? cell.printable->ways : both;
                ++characters;
            }
        }
        close();
    }

    [[nodiscard]] std::size_t preferred(const Ways& ways) const
    {
        if (ways.test(profile_.default_page) && has_page(profile_, profile_.default_page))
            return profile_.default_page;
        for (const PageNumber& page : profile_.pages)
            if (ways.test(page.number)) return page.number;
        return cjk_way;
    }

    void begin()
    {
        if (options_.initialize) put({esc, '@', esc, 'R', 0});
        style(options_.font_b, options_.width, options_.height);
        if (options_.bold) put({esc, 'E', 1});
        if (options_.underline) put({esc, '-', 1});
        if (options_.align != Align::left) put({esc, 'a', static_cast<std::uint8_t>(options_.align)});
    }
    void style(bool font_b, unsigned width, unsigned height)
    {
        if (options_.font_b) put({esc, 'M', static_cast<std::uint8_t>(font_b ? 1 : 0)});
        if (options_.width > 1 || options_.height > 1) {
            const auto size = static_cast<std::uint8_t>((width - 1) << 4 | (height - 1));
            put({gs, '!', size});
        }
    }
    void end()
    {
        leave();
        if (options_.align != Align::left) put({esc, 'a', 0});
        if (options_.underline) put({esc, '-', 0});
        if (options_.bold) put({esc, 'E', 0});
        style(false, 1, 1);
        if (options_.feed > 0) put({esc, 'd', static_cast<std::uint8_t>(std::min(options_.feed, 255U))});
        append_cut(out_.bytes, options_.cut, profile_);
    }

    void enter(std::size_t way)
    {
        if (way == no_way || way == way_) return;
        ++out_.meta.page_switches;
        const bool cjk_printer = !profile_.cjk.charset.empty();
        if (way == cjk_way) {
            put(profile_.cjk.select);
            if (profile_.cjk.charset != "utf-8") put({fs, '&'});
        } else {
            if (cjk_printer) put({fs, '.'});
            put({esc, 't', static_cast<std::uint8_t>(way)});
            page_changed_ = true;
        }
        way_ = way;
    }
    // As it was after power-on.
    void leave()
    {
        if (page_changed_) put({esc, 't', profile_.default_page});
        if (way_ == no_way || profile_.cjk.charset.empty() || profile_.cjk.charset == "utf-8") return;
        const bool is_on = way_ == cjk_way;
        if (is_on != profile_.cjk.on_at_start)
            put({fs, static_cast<std::uint8_t>(profile_.cjk.on_at_start ? '&' : '.')});
    }

    void text_line(const Cells& line)
    {
        for (const Cell& cell : line) {
            Run& run = runs_[run_];
            enter(run.way);
            put(repertoire_.encode(cell.character, run.way));
            if (--run.characters == 0) ++run_;
        }
        put({'\n'});
    }

    void picture_line(const Cells& line)
    {
        const unsigned columns = options_.font_b ? profile_.columns_b : profile_.columns_a;
        const unsigned cell_width = std::max(profile_.dots / columns, 1U),
                       cell_height = options_.font_b ? 17 : 24;
        Bitmap picture{std::min(width_of(line) * cell_width * options_.width, profile_.dots),
                       cell_height * options_.height + line_gap};
        unsigned x = 0, last = 0;
        for (const Cell& cell : line) {
            const unsigned cells = cell.printable->cells;
            // A mark without a cell of its own goes over the character before it.
            const unsigned at = cells == 0 ? last : x;
            draw(picture, cell.character, at, cell_width * std::max(cells, 1U), cell_height);
            last = at;
            x += cells * cell_width * options_.width;
        }
        if (options_.underline)
            for (unsigned i = 0; i < picture.width; ++i) picture.set(i, cell_height * options_.height);
        append_picture(out_.bytes, picture, profile_);
        ++out_.meta.raster_lines;
    }

    void draw(Bitmap& picture, char32_t character, unsigned x, unsigned width, unsigned height)
    {
        if (character == ' ') return;
        std::optional<Bitmap> glyph = glyphs_->glyph(character, width, height);
        if (!glyph) {
            ++out_.meta.missing_glyphs;
            glyph = box(width, height);
        }
        const unsigned bold = options_.bold ? 1 : 0;
        for (unsigned gy = 0; gy < std::min(glyph->height, height) * options_.height; ++gy)
            for (unsigned gx = 0; gx < std::min(glyph->width, width) * options_.width; ++gx) {
                if (!glyph->get(gx / options_.width, gy / options_.height)) continue;
                for (unsigned shift = 0; shift <= bold; ++shift) picture.set(x + gx + shift, gy);
            }
    }
    const TextOptions& options_;
    const Profile& profile_;
    const GlyphSource* glyphs_;
    Repertoire repertoire_;
    Composed out_;
    std::vector<Run> runs_;
    std::size_t run_ = 0, way_ = no_way;
    bool page_changed_ = false;
};

Problem wrong(const TextOptions& options, std::size_t size)
{
    if (size > max_text_bytes)
        return problem(code::too_large, "the text has " + std::to_string(size) + " bytes, more than " +
                                            std::to_string(max_text_bytes));
    const auto is_size = [](unsigned n) { return n >= 1 && n <= 8; };
    if (!is_size(options.width) || !is_size(options.height))
        return problem(code::invalid_request, "width and height of text must be from 1 to 8");
    return {};
}

} // namespace

Composed compose_text(std::string_view text, const TextOptions& options, const Profile& profile,
                      const GlyphSource* glyphs)
{
    if (Problem bad = wrong(options, text.size()); !bad.code.empty()) return {{}, {}, std::move(bad)};
    Unicode decoded = to_unicode(text, options.charset);
    if (!decoded.problem.code.empty()) return {{}, {}, std::move(decoded.problem)};
    return Writer{options, profile, glyphs}.write(compose(decoded.text));
}

void append_cut(std::vector<std::uint8_t>& out, Cut cut, const Profile& profile)
{
    if (cut == Cut::none) return;
    constexpr std::uint8_t past_the_cutter = 5;
    if (!profile.partial_cut && !profile.full_cut) {
        out.insert(out.end(), {esc, 'd', past_the_cutter});
        return;
    }
    const bool full = cut == Cut::full ? profile.full_cut : !profile.partial_cut;
    // GS V 65, 66: feeds to the cutter first.
    out.insert(out.end(), {gs, 'V', static_cast<std::uint8_t>(full ? 65 : 66), 0});
}

} // namespace agenthost::printer
