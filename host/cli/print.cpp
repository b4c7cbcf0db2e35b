#include "print.hpp"

#include "base/utf8.hpp"
#include "base/visible.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace agenthost::host::cli {

namespace {

std::size_t width(std::string_view text) // code points: names are rarely wider
{
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

} // namespace

bool is_terminal(int fd)
{
    if (!::isatty(fd)) return false;
    const char* none = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    return !(none && *none) && !(term && std::string_view{term} == "dumb");
}

std::string paint(std::string_view text, Colour colour, bool on)
{
    if (!on || colour == Colour::none || text.empty()) return std::string{text};
    static constexpr std::array<const char*, 6> codes{"", "32", "33", "31", "2", "1"};
    return std::string{"\033["} + codes[static_cast<std::size_t>(colour)] + "m" + std::string{text} +
           "\033[0m";
}

std::string printable(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const std::string_view character =
            text.substr(i, std::max<std::size_t>(1, base::utf8_length(text, i)));
        i += character.size();
        if (character == "\n" || character == "\t")
            out += ' ';
        else if (base::visible(character) == character)
            out += character;
        else
            out += '?';
    }
    return out;
}

void Table::row(std::vector<Cell> cells)
{
    for (Cell& cell : cells) cell.text = printable(cell.text);
    rows_.push_back(std::move(cells));
}

std::string Table::text(bool colours, std::string_view indent) const
{
    std::vector<std::size_t> widths;
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (widths.size() <= i) widths.push_back(0);
            widths[i] = std::max(widths[i], width(row[i].text));
        }
    std::string out;
    for (const auto& row : rows_) {
        std::string line{indent};
        std::size_t last = row.size(); // trailing empty cells are left out
        while (last > 0 && row[last - 1].text.empty()) --last;
        for (std::size_t i = 0; i < last; ++i) {
            line += paint(row[i].text, row[i].colour, colours);
            if (i + 1 < last) line += std::string(widths[i] - width(row[i].text) + 2, ' ');
        }
        out += line + "\n";
    }
    return out;
}

std::string human_size(std::uint64_t bytes)
{
    static constexpr std::array<const char*, 6> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value,
                  units[unit]);
    return text.data();
}

std::string human_span(std::int64_t seconds)
{
    seconds = std::max<std::int64_t>(0, seconds);
    if (seconds < 60) return std::to_string(seconds) + "s";
    if (seconds < 3600) return std::to_string(seconds / 60) + "m " + std::to_string(seconds % 60) + "s";
    if (seconds < 86'400)
        return std::to_string(seconds / 3600) + "h " + std::to_string(seconds % 3600 / 60) + "m";
    return std::to_string(seconds / 86'400) + "d " + std::to_string(seconds % 86'400 / 3600) + "h";
}

void print_text(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_error(const std::string& text)
{
    std::fprintf(stderr, "agenthost: %s\n", base::visible_lines(text).c_str());
}

} // namespace agenthost::host::cli
