// Output for people: tables, colours on a terminal only, sizes and times at a glance.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host::cli {

bool is_terminal(int fd); // and colours are wanted: NO_COLOR is not set, TERM is not dumb

enum class Colour { none, good, doubtful, bad, quiet, strong };
// With escape codes when `on`.
std::string paint(std::string_view text, Colour, bool on);

// Rows with columns of equal width; the last column is not padded. Control characters are shown as "?",
// because names and problems are not trusted.
class Table {
public:
    struct Cell {
        std::string text;
        Colour colour = Colour::none;
        Cell(std::string t, Colour c = Colour::none) : text{std::move(t)}, colour{c} {}
        Cell(const char* t) : text{t} {}
    };
    void row(std::vector<Cell> cells);
    [[nodiscard]] bool empty() const { return rows_.empty(); }
    [[nodiscard]] std::string text(bool colours, std::string_view indent = "  ") const;

private:
    std::vector<std::vector<Cell>> rows_;
};

std::string printable(std::string_view);      // what base::visible() shows in hex as "?"
std::string human_size(std::uint64_t bytes);  // "1.2 MiB"
std::string human_span(std::int64_t seconds); // "3h 12m"

void print_text(const std::string& text);  // to stdout, as it is
void print_error(const std::string& text); // "agenthost: text" and a line end, to stderr

} // namespace agenthost::host::cli
