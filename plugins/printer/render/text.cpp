#include "receipt.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <numeric>

namespace agenthost::printer::render {

namespace {

constexpr int cut_columns = 24;

std::string words_of(const TextLine& line)
{
    switch (line.kind) {
    case TextLine::Kind::text: return line.text;
    case TextLine::Kind::symbol: return '[' + line.symbology + " \"" + line.text + "\"]";
    case TextLine::Kind::image: return "[image " + line.text + ']';
    case TextLine::Kind::cut: break;
    }
    std::string dashes = line.text == "partial" ? "- - - - - partial cut " : "--------- cut ";
    while (dashes.size() < cut_columns) dashes += line.text == "partial" ? "- " : "-";
    return dashes;
}

std::size_t columns_of(std::string_view utf8)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

// A terminal must not obey what a job prints.
void append_visible(std::string& out, std::string_view text)
{
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = std::max<std::size_t>(1, base::utf8_length(text, i));
        const auto c = static_cast<unsigned char>(text[i]);
        const bool c1 = c == 0xc2 && length == 2 && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (c < 0x20 || c == 0x7f || c1)
            out += '?';
        else
            out += text.substr(i, length);
        i += length;
    }
}

} // namespace

std::string as_text(const Receipt& receipt, int dots_per_column)
{
    // In page mode a line may lie left of another, or above one that was printed before it.
    std::vector<std::size_t> order(receipt.lines.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](std::size_t i) {
        const Rectangle& where = receipt.lines[i].where;
        return std::pair{where.y + where.height, where.x};
    });
    std::string out, row;
    int bottom = -1;
    for (const std::size_t i : order) {
        const TextLine& line = receipt.lines[i];
        const int here = line.where.y + line.where.height;
        const auto column = static_cast<std::size_t>(std::max(0, line.where.x) / dots_per_column);
        if (here != bottom || columns_of(row) > column) {
            if (bottom >= 0) out += row + '\n';
            row.clear();
        }
        bottom = here;
        row.append(column - columns_of(row), ' ');
        append_visible(row, words_of(line));
    }
    if (bottom >= 0) out += row + '\n';
    for (const Note& note : receipt.notes) {
        const char* kind = note.kind == Note::Kind::drawer ? "drawer: "
                           : note.kind == Note::Kind::beep ? "beep: "
                                                           : "note: ";
        out += kind + note.text + '\n';
    }
    for (const Warning& warning : receipt.warnings) {
        out += "warning: ";
        append_visible(out, warning.text);
        out += warning.count > 1 ? " (" + std::to_string(warning.count) + " times)\n" : "\n";
    }
    return out;
}

} // namespace agenthost::printer::render
