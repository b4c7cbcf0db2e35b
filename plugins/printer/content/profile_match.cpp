#include "profile.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace agenthost::printer {

namespace {

// Part of a model's name, without separators and in capitals. A longer one comes before its own beginning.
struct ByName {
    std::string_view part, profile;
};
constexpr std::array<ByName, 50> names{{
    {"TMT88VII", "tm-t88vii"},
    {"TMT88VI", "tm-t88vi"},
    {"TMT88V", "tm-t88v"},
    {"TMT88IV", "tm-t88iv"},
    {"TMT88III", "tm-t88iii"},
    {"TMT88II", "tm-t88ii"},
    {"TMT20IV", "tm-t20iv"},
    {"TMT20III", "tm-t20iii"},
    {"TMT20II", "tm-t20ii"},
    {"TMT20", "tm-t20"},
    {"TMT82", "tm-t82"},
    {"TMT83", "tm-t82"},
    {"TMT70II", "tm-t70ii"},
    {"TMT70", "tm-t70"},
    {"TMM30", "tm-m30"},
    {"TMM50", "tm-m30"},
    {"TML90", "tm-l90"},
    {"TMP80", "tm-p80"},
    {"TMU220", "tm-u220"},
    {"TMU230", "tm-u220"},
    {"SRP350III", "bixolon-srp-350iii"},
    {"SRP350PLUSIII", "bixolon-srp-350iii"},
    {"SRP352III", "bixolon-srp-350iii"},
    {"SRP330", "bixolon-srp-350iii"},
    {"SRPE300", "bixolon-srp-350iii"},
    {"SRP350", "bixolon-srp-350"},
    {"SRPS300", "bixolon-srp-s300"},
    {"SRPS320", "bixolon-srp-s300"},
    {"CTS310", "citizen-ct-s310ii"},
    {"CTE351", "citizen-ct-s310ii"},
    {"CTS651", "citizen-ct-s651"},
    {"CTS801", "citizen-ct-s651"},
    {"CTS601", "citizen-ct-s651"},
    {"TSP", "star-escpos"},
    {"MCPRINT", "star-escpos"},
    {"SUNMIV", "sunmi-58"},
    {"SUNMI", "sunmi-80"},
    {"RPP02", "rongta-rpp-58"},
    {"RP58", "rongta-rpp-58"},
    {"RP326", "rongta-rp326"},
    {"RP80", "rongta-rp326"},
    {"XP58", "xprinter-58"},
    {"XP80", "xprinter-80"},
    {"XPN160", "xprinter-80"},
    {"XPT80", "xprinter-80"},
    {"PRINTER80", "xprinter-80"},
    {"ZJ5870", "zj-5870"},
    {"ZJ8360", "zj-8360"},
    {"POS58", "pos-58"},
    {"POS80", "pos-80"},
}};

struct ById {
    // Product 0: any of this vendor.
    std::uint16_t vendor, product;
    std::string_view profile;
};
// A chip maker's id is shared by many brands: what they have in common is the width of the paper and a Chinese character generator.
constexpr std::array<ById, 27> ids{{
    {0x04b8, 0x0e03, "tm-t20"},
    {0x04b8, 0x0e15, "tm-t20ii"},
    {0x04b8, 0x0e28, "tm-t20iii"},
    // 0202 is the USB board of many TM models, from TM-T88II to TM-T88V.
    {0x04b8, 0, "epson"},
    {0x0519, 0, "star-escpos"},
    {0x1504, 0, "bixolon-srp-350iii"},
    {0x1d90, 0, "citizen-ct-s310ii"},
    {0x2730, 0, "citizen-ct-s310ii"},
    {0x0fe6, 0x811e, "pos-80"},
    {0x0416, 0x5011, "pos-58"},
    {0x0416, 0xaabb, "pos-58"},
    {0x0483, 0x5743, "pos-80"},
    {0x0483, 0x5740, "pos-80"},
    {0x0483, 0x5840, "pos-80"},
    {0x0483, 0x070b, "pos-80"},
    {0x0456, 0x0808, "goojprt-58"},
    {0x0485, 0x5741, "goojprt-58"},
    {0x0485, 0x7541, "goojprt-58"},
    {0x6868, 0x0200, "pos-58"},
    {0x6868, 0x0500, "pos-80"},
    {0x1fc9, 0x2016, "pos-80"},
    {0x28e9, 0x0289, "pos-58"},
    {0x20d1, 0x7008, "pos-80"},
    {0x1a86, 0x7584, "pos-58"},
    {0x4b43, 0x3538, "pos-58"},
    {0x4b43, 0x3830, "pos-80"},
    {0x154f, 0x154f, "pos-80"},
}};

std::string letters_and_digits(std::string_view text)
{
    std::string out;
    for (const unsigned char c : text.substr(0, 128))
        if (std::isalnum(c) != 0) out += static_cast<char>(std::toupper(c));
    return out;
}

} // namespace

std::string_view profile_for(std::uint16_t vendor, std::uint16_t product, std::string_view model_name)
{
    const std::string name = letters_and_digits(model_name);
    const auto by_name =
        std::ranges::find_if(names, [&](const ByName& row) { return name.find(row.part) != name.npos; });
    if (by_name != names.end()) return by_name->profile;
    const auto by_id = std::ranges::find_if(ids, [&](const ById& row) {
        return row.vendor == vendor && (row.product == 0 || row.product == product);
    });
    return by_id == ids.end() ? "default" : by_id->profile;
}

} // namespace agenthost::printer
