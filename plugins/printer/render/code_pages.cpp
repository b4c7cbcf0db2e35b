#include "code_pages.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace agenthost::printer::render {

namespace {

struct Numbered {
    std::uint8_t number;
    std::string_view name;
};

using Alias = std::pair<std::string_view, std::string_view>;
// Spellings without their separators.
constexpr std::array<Alias, 30> aliases{{
    {"latin1", "iso8859-1"},   {"latin2", "iso8859-2"},
    {"latin5", "iso8859-9"},   {"latin9", "iso8859-15"},
    {"rk1048", "kz1048"},      {"utf8", "utf-8"},
    {"ascii", "ascii"},        {"usascii", "ascii"},
    {"kz1048", "kz1048"},      {"koi8r", "koi8-r"},
    {"koi8u", "koi8-u"},       {"tcvn3", "tcvn3"},
    {"tis620", "cp874"},       {"iso885911", "cp874"},
    {"gb18030", "gb18030"},    {"gbk", "gbk"},
    {"gb2312", "gbk"},         {"euccn", "gbk"},
    {"big5", "big5"},          {"shiftjis", "shift-jis"},
    {"sjis", "shift-jis"},     {"windows31j", "shift-jis"},
    {"eucjp", "euc-jp"},       {"euckr", "euc-kr"},
    {"ksc56011987", "euc-kr"}, {"uhc", "euc-kr"},
    {"utf16le", "utf-16le"},   {"utf16be", "utf-16be"},
    {"jisx0201", "katakana"},  {"big5hkscs", "big5-hkscs"},
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

// Epson's numbers (ESC t); 20 to 26 are Thai in several keyboards' orders, of which Windows' page is nearest.
constexpr std::array epson{
    Numbered{0, "cp437"},       Numbered{1, "katakana"}, Numbered{2, "cp850"},      Numbered{3, "cp860"},
    Numbered{4, "cp863"},       Numbered{5, "cp865"},    Numbered{11, "cp851"},     Numbered{12, "cp853"},
    Numbered{13, "cp857"},      Numbered{14, "cp737"},   Numbered{15, "iso8859-7"}, Numbered{16, "cp1252"},
    Numbered{17, "cp866"},      Numbered{18, "cp852"},   Numbered{19, "cp858"},     Numbered{20, "cp874"},
    Numbered{21, "cp874"},      Numbered{22, "cp874"},   Numbered{23, "cp874"},     Numbered{24, "cp874"},
    Numbered{25, "cp874"},      Numbered{26, "cp874"},   Numbered{30, "tcvn3"},     Numbered{31, "tcvn3"},
    Numbered{32, "cp720"},      Numbered{33, "cp775"},   Numbered{34, "cp855"},     Numbered{35, "cp861"},
    Numbered{36, "cp862"},      Numbered{37, "cp864"},   Numbered{38, "cp869"},     Numbered{39, "iso8859-2"},
    Numbered{40, "iso8859-15"}, Numbered{44, "cp1125"},  Numbered{45, "cp1250"},    Numbered{46, "cp1251"},
    Numbered{47, "cp1253"},     Numbered{48, "cp1254"},  Numbered{49, "cp1255"},    Numbered{50, "cp1256"},
    Numbered{51, "cp1257"},     Numbered{52, "cp1258"},  Numbered{53, "kz1048"},
};

constexpr std::string_view replaced = "#$@[\\]^`{|}~";
constexpr std::array<std::u32string_view, 18> sets{
    U"#$@[\\]^`{|}~", U"#$à°ç§^`éùè¨", U"#$§ÄÖÜ^`äöüß", U"£$@[\\]^`{|}~", U"#$@ÆØÅ^`æøå~",  U"#¤ÉÄÖÅÜéäöåü",
    U"#$@°\\é^ùàòèì", U"₧$@¡Ñ¿^`¨ñ}~", U"#$@[¥]^`{|}~", U"#¤ÉÆØÅÜéæøåü",  U"#$ÉÆØÅÜéæøåü",  U"#$á¡Ñ¿é`íñóú",
    U"#$á¡Ñ¿éüíñóú",  U"#$@[₩]^`{|}~", U"#$ŽŠĐĆČžšđćč", U"#¥@[\\]^`{|}‾", U"#₫@[\\]^`{|}~", U"#$@[\\]^`{|}~",
};

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

const CodePage* find_code_page(std::string_view name)
{
    const auto pages = code_pages();
    const std::string canonical = canonical_charset(name);
    const auto page = std::ranges::lower_bound(pages, std::string_view{canonical}, {}, &CodePage::name);
    return page != pages.end() && page->name == canonical ? &*page : nullptr;
}

std::vector<std::string_view> code_page_names()
{
    std::vector<std::string_view> names;
    for (const CodePage& page : code_pages()) names.push_back(page.name);
    return names;
}

const CodePage* epson_code_page(std::uint8_t number)
{
    const auto row = std::ranges::find(epson, number, &Numbered::number);
    return row == epson.end() ? nullptr : find_code_page(row->name);
}

char32_t international(std::uint8_t set, std::uint8_t byte)
{
    const std::size_t at = replaced.find(static_cast<char>(byte));
    return set >= sets.size() || at == replaced.npos ? byte : sets[set][at];
}

} // namespace agenthost::printer::render
