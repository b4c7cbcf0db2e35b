#include "code_page.hpp"

#include "unicode_tables.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace agenthost::printer {

namespace {

using Alias = std::pair<std::string_view, std::string_view>;
// Spellings without their separators.
constexpr std::array<Alias, 27> aliases{{
    {"latin1", "iso8859-1"},
    {"latin2", "iso8859-2"},
    {"latin5", "iso8859-9"},
    {"latin9", "iso8859-15"},
    {"rk1048", "kz1048"},
    {"utf8", "utf-8"},
    {"ascii", "ascii"},
    {"usascii", "ascii"},
    {"koi8r", "koi8-r"},
    {"tis620", "cp874"},
    {"iso885911", "cp874"},
    {"gb18030", "gb18030"},
    {"gbk", "gbk"},
    {"gb2312", "gbk"},
    {"euccn", "gbk"},
    {"big5", "big5"},
    {"shiftjis", "shift-jis"},
    {"sjis", "shift-jis"},
    {"windows31j", "shift-jis"},
    {"eucjp", "euc-jp"},
    {"euckr", "euc-kr"},
    {"ksc56011987", "euc-kr"},
    {"uhc", "euc-kr"},
    {"utf16le", "utf-16le"},
    {"utf16be", "utf-16be"},
    {"jisx0201", "katakana"},
    {"big5hkscs", "big5-hkscs"},
}};
// Microsoft's numbers of the double-byte sets.
constexpr std::array<Alias, 5> numbers{{
    {"932", "shift-jis"},
    {"936", "gbk"},
    {"949", "euc-kr"},
    {"950", "big5"},
    {"54936", "gb18030"},
}};

template <class Table> std::string_view lookup(const Table& table, std::string_view key)
{
    const auto row = std::ranges::find(table, key, &Alias::first);
    return row == table.end() ? std::string_view{} : row->second;
}

bool is_number(std::string_view text)
{
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

} // namespace

std::string canonical_charset(std::string_view name)
{
    std::string lower, compact;
    for (const unsigned char c : name.substr(0, 64)) {
        lower += static_cast<char>(std::tolower(c));
        if (std::isalnum(c) != 0) compact += lower.back();
    }
    if (const auto known = lookup(aliases, compact); !known.empty()) return std::string{known};
    if (compact.starts_with("iso8859") && is_number(compact.substr(7))) return "iso8859-" + compact.substr(7);
    std::string_view number = compact;
    for (const std::string_view prefix : {"windows", "ibm", "win", "cp", "pc", "ms"}) {
        if (!number.starts_with(prefix)) continue;
        number.remove_prefix(prefix.size());
        break;
    }
    if (!is_number(number)) return lower;
    const auto known = lookup(numbers, number);
    return known.empty() ? "cp" + std::string{number} : std::string{known};
}

const tables::PageTable* find_page(std::string_view charset)
{
    const auto pages = tables::pages();
    const auto page = std::ranges::lower_bound(pages, charset, {}, &tables::PageTable::name);
    return page != pages.end() && page->name == charset ? &*page : nullptr;
}

std::vector<std::string_view> page_names()
{
    std::vector<std::string_view> names;
    for (const tables::PageTable& page : tables::pages()) names.push_back(page.name);
    return names;
}

std::optional<std::uint8_t> encode(const tables::PageTable& page, char32_t character)
{
    if (character < 0x80) {
        if (character < 0x20 || character == 0x7F) return std::nullopt;
        return static_cast<std::uint8_t>(character);
    }
    const auto at = std::ranges::find(page.upper, static_cast<char16_t>(character));
    if (character > 0xFFFF || at == page.upper.end()) return std::nullopt;
    return static_cast<std::uint8_t>(0x80 + (at - page.upper.begin()));
}

std::optional<char32_t> decode(const tables::PageTable& page, std::uint8_t byte)
{
    if (byte < 0x80) return byte;
    const char16_t character = page.upper[byte - 0x80U];
    if (character == 0) return std::nullopt;
    return character;
}

} // namespace agenthost::printer
