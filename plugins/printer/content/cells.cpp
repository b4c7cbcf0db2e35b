#include "cells.hpp"

#include "unicode_tables.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::printer {

namespace {

bool within(std::span<const tables::Range> ranges, char32_t character)
{
    const auto after = std::ranges::upper_bound(ranges, character, {}, &tables::Range::first);
    return after != ranges.begin() && character <= std::prev(after)->last;
}

// 0: they do not compose.
char32_t whole(char32_t base, char32_t mark)
{
    const auto table = tables::compositions();
    const std::pair wanted{base, mark};
    const auto key = [](const tables::Composition& c) {
        return std::pair<char32_t, char32_t>{c.base, c.mark};
    };
    const auto row = std::ranges::lower_bound(table, wanted, {}, key);
    return row != table.end() && key(*row) == wanted ? row->whole : 0;
}

} // namespace

unsigned cells(char32_t character)
{
    if (character < 0x80) return 1;
    if (within(tables::zero(), character)) return 0;
    return within(tables::wide(), character) ? 2 : 1;
}

std::u32string compose(std::u32string_view text)
{
    std::u32string out;
    for (const char32_t c : text) {
        const char32_t composed = out.empty() || c < 0x80 ? 0 : whole(out.back(), c);
        if (composed != 0)
            out.back() = composed;
        else
            out += c;
    }
    return out;
}

} // namespace agenthost::printer
