#include "code_pages.hpp"

#include "base/ascii.hpp"

#include <algorithm>

namespace agenthost::printer::render {

namespace {

struct Numbered {
    std::uint8_t number;
    std::string_view name;
};

// Epson's numbers (ESC t); 20 to 26 are Thai in several keyboards' orders, of which the national standard is
// nearest.
constexpr std::array epson{
    Numbered{0, "CP437"},    Numbered{1, "KATAKANA"},    Numbered{2, "CP850"},
    Numbered{3, "CP860"},    Numbered{4, "CP863"},       Numbered{5, "CP865"},
    Numbered{11, "CP851"},   Numbered{12, "CP853"},      Numbered{13, "CP857"},
    Numbered{14, "CP737"},   Numbered{15, "ISO-8859-7"}, Numbered{16, "CP1252"},
    Numbered{17, "CP866"},   Numbered{18, "CP852"},      Numbered{19, "CP858"},
    Numbered{20, "TIS-620"}, Numbered{21, "TIS-620"},    Numbered{22, "TIS-620"},
    Numbered{23, "TIS-620"}, Numbered{24, "TIS-620"},    Numbered{25, "TIS-620"},
    Numbered{26, "TIS-620"}, Numbered{30, "TCVN-3"},     Numbered{31, "TCVN-3"},
    Numbered{32, "CP720"},   Numbered{33, "CP775"},      Numbered{34, "CP855"},
    Numbered{35, "CP861"},   Numbered{36, "CP862"},      Numbered{37, "CP864"},
    Numbered{38, "CP869"},   Numbered{39, "ISO-8859-2"}, Numbered{40, "ISO-8859-15"},
    Numbered{44, "CP1125"},  Numbered{45, "CP1250"},     Numbered{46, "CP1251"},
    Numbered{47, "CP1253"},  Numbered{48, "CP1254"},     Numbered{49, "CP1255"},
    Numbered{50, "CP1256"},  Numbered{51, "CP1257"},     Numbered{52, "CP1258"},
    Numbered{53, "KZ-1048"},
};

constexpr std::string_view replaced = "#$@[\\]^`{|}~";
constexpr std::array<std::u32string_view, 18> sets{
    U"#$@[\\]^`{|}~", U"#$à°ç§^`éùè¨", U"#$§ÄÖÜ^`äöüß", U"£$@[\\]^`{|}~", U"#$@ÆØÅ^`æøå~",  U"#¤ÉÄÖÅÜéäöåü",
    U"#$@°\\é^ùàòèì", U"₧$@¡Ñ¿^`¨ñ}~", U"#$@[¥]^`{|}~", U"#¤ÉÆØÅÜéæøåü",  U"#$ÉÆØÅÜéæøåü",  U"#$á¡Ñ¿é`íñóú",
    U"#$á¡Ñ¿éüíñóú",  U"#$@[₩]^`{|}~", U"#$ŽŠĐĆČžšđćč", U"#¥@[\\]^`{|}‾", U"#₫@[\\]^`{|}~", U"#$@[\\]^`{|}~",
};

} // namespace

const CodePage* find_code_page(std::string_view name)
{
    const auto same = [&](const CodePage& page) { return base::equal_ignoring_case(page.name, name); };
    const auto page = std::ranges::find_if(code_pages(), same);
    return page == code_pages().end() ? nullptr : &*page;
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
