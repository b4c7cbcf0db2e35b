// Widths and compositions of characters. unicode_tables.cpp is generated data (tables/make_unicode_tables.py); use cells.hpp. Pure.
#pragma once

#include <span>

namespace agenthost::printer::tables {

struct Range {
    char32_t first, last;
};
// `base` and the combining `mark` behind it are `whole`. Sorted by base, then mark.
struct Composition {
    char16_t base, mark, whole;
};

// Sorted; characters of two cells (East Asian width W or F), and of none.
std::span<const Range> wide();
std::span<const Range> zero();
std::span<const Composition> compositions();

} // namespace agenthost::printer::tables
