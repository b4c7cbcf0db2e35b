#include "table.hpp"

#include <algorithm>

namespace agenthost::printer::escpos {

namespace {

// In the order of Op.
constexpr std::array rows{
    Row{control(0x00), 0}, // padding
    Row{control(0x07), 0}, // BEL: compatible printers beep
    Row{control(0x09), 0},
    Row{control(0x0a), 0},
    Row{control(0x0c), 0},
    Row{control(0x0d), 0},
    Row{control(0x18), 0},
    Row{dle(0x04), 1}, // EOT: real-time status
    Row{dle(0x05), 1}, // ENQ: real-time request
    Row{dle(0x14, 1), 2},
    Row{dle(0x14, 2), 2},
    Row{dle(0x14, 3), 5},
    Row{dle(0x14, 7), 1},
    Row{dle(0x14, 8), 7},
    Row{esc(0x0c), 0},
    Row{esc(' '), 1},
    Row{esc('!'), 1},
    Row{esc('$'), 2},
    Row{esc('%'), 1},
    Row{esc('&'), 3, Data::characters},
    Row{esc('(', 'A'), 2, Data::size16},
    Row{esc('(', 'Y'), 2, Data::size16},
    Row{esc('*'), 3, Data::columns},
    Row{esc('-'), 1},
    Row{esc('2'), 0},
    Row{esc('3'), 1},
    Row{esc('4'), 0},
    Row{esc('5'), 0},
    Row{esc('9'), 1}, // which Chinese character set; compatible printers
    Row{esc('<'), 0},
    Row{esc('='), 1},
    Row{esc('?'), 1},
    Row{esc('@'), 0},
    Row{esc('B'), 2}, // beep n times; compatible printers
    Row{esc('C'), 3}, // beep and light; compatible printers
    Row{esc('D'), 0, Data::tabs},
    Row{esc('E'), 1},
    Row{esc('G'), 1},
    Row{esc('J'), 1},
    Row{esc('K'), 1},
    Row{esc('L'), 0},
    Row{esc('M'), 1},
    Row{esc('R'), 1},
    Row{esc('S'), 0},
    Row{esc('T'), 1},
    Row{esc('U'), 1},
    Row{esc('V'), 1},
    Row{esc('W'), 8},
    Row{esc('Z'), 5, Data::size16}, // QR code; compatible printers
    Row{esc('\\'), 2},
    Row{esc('a'), 1},
    Row{esc('c', '0'), 1},
    Row{esc('c', '1'), 1},
    Row{esc('c', '3'), 1},
    Row{esc('c', '4'), 1},
    Row{esc('c', '5'), 1},
    Row{esc('d'), 1},
    Row{esc('e'), 1},
    Row{esc('f'), 2},
    Row{esc('i'), 0},
    Row{esc('m'), 0},
    Row{esc('p'), 3},
    Row{esc('r'), 1},
    Row{esc('t'), 1},
    Row{esc('u'), 1},
    Row{esc('v'), 0},
    Row{esc('{'), 1},
    Row{fs('!'), 1},
    Row{fs('&'), 0},
    Row{fs('(', 'A'), 2, Data::size16},
    Row{fs('(', 'C'), 2, Data::size16},
    Row{fs('(', 'E'), 2, Data::size16},
    Row{fs('(', 'L'), 2, Data::size16},
    Row{fs('(', 'e'), 2, Data::size16},
    Row{fs('-'), 1},
    Row{fs('.'), 0},
    Row{fs('2'), 2, Data::fixed72},
    Row{fs('?'), 2},
    Row{fs('C'), 1},
    Row{fs('S'), 2},
    Row{fs('W'), 1},
    Row{fs('g', '1'), 7, Data::size16},
    Row{fs('g', '2'), 7},
    Row{fs('p'), 2},
    Row{fs('q'), 1, Data::images},
    Row{gs('!'), 1},
    Row{gs('$'), 2},
    Row{gs('(', 'A'), 2, Data::size16},
    Row{gs('(', 'B'), 2, Data::size16},
    Row{gs('(', 'C'), 2, Data::size16},
    Row{gs('(', 'D'), 2, Data::size16},
    Row{gs('(', 'E'), 2, Data::size16},
    Row{gs('(', 'F'), 2, Data::size16},
    Row{gs('(', 'H'), 2, Data::size16},
    Row{gs('(', 'K'), 2, Data::size16},
    Row{gs('(', 'L'), 2, Data::size16},
    Row{gs('(', 'M'), 2, Data::size16},
    Row{gs('(', 'N'), 2, Data::size16},
    Row{gs('(', 'P'), 2, Data::size16},
    Row{gs('(', 'Q'), 2, Data::size16},
    Row{gs('(', 'V'), 2, Data::size16},
    Row{gs('(', 'k'), 2, Data::size16},
    Row{gs('(', 'z'), 2, Data::size16},
    Row{gs('*'), 2, Data::download},
    Row{gs('/'), 1},
    Row{gs('8', 'L'), 4, Data::size32},
    Row{gs(':'), 0},
    Row{gs('A'), 2},
    Row{gs('B'), 1},
    Row{gs('C', '0'), 2},
    Row{gs('C', '1'), 6},
    Row{gs('C', '2'), 2},
    Row{gs('C', ';'), 0, Data::digits},
    Row{gs('D'), 13, Data::bitmap},
    Row{gs('E'), 1},
    Row{gs('H'), 1},
    Row{gs('I'), 1},
    Row{gs('L'), 2},
    Row{gs('P'), 2},
    Row{gs('Q', '0'), 5, Data::image},
    Row{gs('T'), 1},
    Row{gs('V'), 1},
    Row{gs('W'), 2},
    Row{gs('\\'), 2},
    Row{gs('^'), 3},
    Row{gs('a'), 1},
    Row{gs('b'), 1},
    Row{gs('c'), 0},
    Row{gs('f'), 1},
    Row{gs('g', '0'), 3},
    Row{gs('g', '2'), 3},
    Row{gs('h'), 1},
    Row{gs('j'), 1},
    Row{gs('k'), 1, Data::barcode},
    Row{gs('r'), 1},
    Row{gs('v', '0'), 5, Data::image},
    Row{gs('w'), 1},
    Row{gs('z', '0'), 2},
    Row{gs('|'), 1},
};
static_assert(std::ranges::is_sorted(rows, {}, &Row::op));

// What an unknown member of a family looks like. Star's printers have ESC GS and ESC RS with a letter and,
// mostly, a byte.
Row like_its_family(Op op)
{
    const auto lead = static_cast<std::uint8_t>(op >> 16), code = static_cast<std::uint8_t>(op >> 8);
    if (lead == gs_byte && code == '8') return {op, 4, Data::size32};
    if (lead != 0 && code == '(') return {op, 2, Data::size16};
    if (lead == esc_byte && (code == 0x1d || code == 0x1e)) return {op, 1};
    return {op, 0};
}

std::uint64_t product(const Command& c, std::size_t at)
{
    return std::uint64_t{c.arg16(at)} * c.arg16(at + 2);
}

} // namespace

bool has_sub(std::uint8_t lead, std::uint8_t code)
{
    switch (lead) {
    case dle_byte: return code == 0x14;
    case esc_byte: return code == '(' || code == 'c' || code == 0x1d || code == 0x1e;
    case fs_byte: return code == '(' || code == 'g';
    case gs_byte:
        return code == '(' || code == '8' || code == 'C' || code == 'Q' || code == 'g' || code == 'v' ||
               code == 'z';
    default: return false;
    }
}

Found find_row(Op op)
{
    const auto row = std::ranges::lower_bound(rows, op, {}, &Row::op);
    if (row != rows.end() && row->op == op) return {*row, true};
    return {like_its_family(op), false};
}

std::uint8_t argument_count(const Row& row, std::uint8_t first)
{
    switch (row.op) {
    // GS V 65 n and its relatives feed first
    case gs('V'): return first >= 65 ? 2 : 1;
    case gs('k'): return first >= 65 ? 2 : 1;
    case dle(0x04): return first == 7 || first == 8 || first == 18 ? 2 : 1;
    default: return row.arguments;
    }
}

std::uint64_t data_size(const Row& row, const Command& c)
{
    const std::size_t n = c.argument_count;
    const auto last32 = [&] { return std::uint64_t{c.arg16(n - 2)} << 16 | c.arg16(n - 4); };
    switch (row.data) {
    case Data::size16: return c.arg16(n - 2);
    case Data::size32: return last32();
    case Data::columns: return std::uint64_t{c.arg16(1)} * (c.arg(0) >= 32 ? 3U : 1U);
    case Data::image: return product(c, 1);
    case Data::download: return std::uint64_t{c.arg(0)} * c.arg(1) * 8;
    case Data::bitmap: return last32() < 6 ? 0 : last32() - 6;
    case Data::fixed72: return 72;
    case Data::barcode: return n == 2 ? c.arg(1) : 0;
    case Data::none:
    case Data::tabs:
    case Data::characters:
    case Data::images:
    case Data::digits: return 0;
    }
    return 0;
}

} // namespace agenthost::printer::escpos
