#include "text_cells.hpp"

#include "cells.hpp"
#include "code_page.hpp"

#include <algorithm>
#include <span>

namespace agenthost::printer {

namespace {

bool is_line_end(char32_t c) { return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029; }

bool is_invisible(char32_t c)
{
    return c == 0xAD || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || (c >= 0xFE00 && c <= 0xFE0F) || c == 0xFEFF ||
           (c >= 0xE0000 && c <= 0xE0FFF);
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

char32_t plain(char32_t c)
{
    if (c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F) return ' ';
    return c == 0x2010 || c == 0x2011 ? '-' : c;
}

unsigned width_of(const Cell& cell) { return cell.printable->cells; }

// Puts cells into lines one after the other.
class Lines {
public:
    Lines(const LineRules& rules, std::vector<Cells>& out) : rules_{rules}, out_{out} {}

    void add(Cell cell)
    {
        const unsigned cells = width_of(cell);
        if (width_ + cells > rules_.columns) {
            // A space that does not fit is what the line ends with.
            if (cell.character == ' ' && rules_.words) return end_softly();
            wrap(cells == 2);
        }
        if (soft_ && cell.character == ' ') return;
        soft_ = false;
        line_.push_back(cell);
        width_ += cells;
    }
    void end()
    {
        if (!soft_) out_.push_back(std::move(line_));
        line_ = {};
        width_ = 0;
        soft_ = false;
    }
    [[nodiscard]] unsigned width() const { return width_; }

private:
    void end_softly()
    {
        end();
        // Spaces after it belong to the break; a line end right behind it is not an empty line.
        soft_ = true;
    }
    // Breaks before the last word, or here if the line has no other word or the next character may begin a
    // line.
    void wrap(bool here)
    {
        std::size_t from = line_.size();
        if (rules_.words && !here) {
            const auto is_space = [](const Cell& cell) { return cell.character == ' '; };
            while (from > 0 && !is_space(line_[from - 1]) && width_of(line_[from - 1]) != 2) --from;
            const std::span before{line_.data(), from};
            if (std::ranges::all_of(before, is_space)) from = line_.size();
        }
        Cells rest{line_.begin() + static_cast<std::ptrdiff_t>(from), line_.end()};
        line_.resize(from);
        while (rules_.words && !line_.empty() && line_.back().character == ' ') line_.pop_back();
        end();
        line_ = std::move(rest);
        width_ = agenthost::printer::width_of(line_);
    }

    const LineRules& rules_;
    std::vector<Cells>& out_;
    Cells line_;
    unsigned width_ = 0;
    bool soft_ = false;
};

} // namespace

Repertoire::Repertoire(const Profile& profile) : cjk_charset_{profile.cjk.charset}, cjk_{profile.cjk.charset}
{
    if (cjk_charset_ == "utf-8") return;
    for (const PageNumber& page : profile.pages)
        if (const auto* table = find_code_page(page.charset)) pages_.push_back({page.number, table});
}

const Printable& Repertoire::of(char32_t character)
{
    const auto [entry, is_new] = known_.try_emplace(character);
    Printable& printable = entry->second;
    if (!is_new) return printable;
    const unsigned natural = cells(character);
    if (character < 0x80) {
        printable.ways.set();
        return printable;
    }
    for (const Page& page : pages_)
        if (printer::encode(*page.table, character)) printable.ways.set(page.number);
    if (printable.ways.any()) return printable;
    if (!cjk_.encode(character).empty()) printable.ways.set(cjk_way);
    printable.cells = printable.ways.any() && cjk_charset_ != "utf-8" ? 2 : natural;
    return printable;
}

std::string Repertoire::encode(char32_t character, std::size_t way)
{
    if (character < 0x80) return {static_cast<char>(character)};
    if (way == cjk_way) return cjk_.encode(character);
    for (const Page& page : pages_)
        if (page.number == way)
            if (const auto byte = printer::encode(*page.table, character)) return {static_cast<char>(*byte)};
    return {};
}

std::vector<Cells> break_lines(std::u32string_view text, const LineRules& rules, Repertoire& repertoire,
                               std::size_t& dropped)
{
    std::vector<Cells> out;
    Lines lines{rules, out};
    const Cell space{' ', &repertoire.of(' ')};
    bool open = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char32_t c = plain(text[i]);
        open = true;
        if (is_line_end(c)) {
            if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
            lines.end();
            open = false;
        } else if (c == '\t') {
            const unsigned stop = std::min((lines.width() / rules.tab + 1) * rules.tab, rules.columns);
            for (unsigned n = std::max(stop - lines.width(), 1U); n > 0; --n) lines.add(space);
        } else if (is_control(c)) {
            ++dropped;
        } else if (!is_invisible(c)) {
            lines.add({c, &repertoire.of(c)});
        }
    }
    if (open) lines.end();
    return out;
}

unsigned width_of(const Cells& line)
{
    unsigned width = 0;
    for (const Cell& cell : line) width += width_of(cell);
    return width;
}

} // namespace agenthost::printer
