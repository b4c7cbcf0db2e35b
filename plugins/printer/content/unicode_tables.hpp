// The tables behind cells.hpp: widths and compositions of characters. tables/make_unicode_tables.py generates
// unicode_tables.cpp. Pure.
#pragma once

#include <span>

namespace agenthost::printer::tables {

struct Range {
    char32_t first, last;
};
// `base` followed by the combining `mark` composes to `whole`.
struct Composition {
    char16_t base, mark, whole;
};

// Characters of two cells (East Asian width W or F), sorted.
std::span<const Range> wide();
// Characters without a cell, sorted.
std::span<const Range> zero();
// Sorted by base, then by mark.
std::span<const Composition> compositions();

} // namespace agenthost::printer::tables
