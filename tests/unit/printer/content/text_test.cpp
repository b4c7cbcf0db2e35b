#include "plugins/printer/content/cells.hpp"
#include "plugins/printer/content/text.hpp"
#include "plugins/printer/content/text_cells.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <random>

using namespace agenthost::printer;
using namespace std::string_literals;

namespace {

// Draws each character as a black block; knows no emoji.
class Blocks : public GlyphSource {
public:
    [[nodiscard]] std::optional<Bitmap> glyph(char32_t character, unsigned width,
                                              unsigned height) const override
    {
        if (character > 0x1F000) return std::nullopt;
        Bitmap block{width, height};
        for (unsigned y = 0; y < height; ++y)
            for (unsigned x = 0; x < width; ++x) block.set(x, y);
        return block;
    }
};

const Blocks blocks;

// With ESC @ and ESC R off: only what the text needs.
Composed compose_plain(std::string_view text, const Profile& profile, TextOptions options = {},
                       const GlyphSource* glyphs = &blocks)
{
    options.initialize = false;
    return compose_text(text, options, profile, glyphs);
}

std::string bytes(const Composed& composed) { return {composed.bytes.begin(), composed.bytes.end()}; }

Profile profile(const char* name, const char* overrides = "{}")
{
    auto out = configured_profile(nlohmann::json::parse(overrides), name, "");
    EXPECT_EQ(out.problem.code, "") << out.problem.message;
    return out.profile;
}

// The picture that the first GS v 0 strips of `out` make, as rows of bits.
Bitmap picture_in(std::string_view out)
{
    Bitmap all;
    for (std::size_t at = out.find("\x1Dv0\0"s); at != out.npos; at = out.find("\x1Dv0\0"s, at)) {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(out[at + i]); };
        const unsigned width = byte(4) + byte(5) * 256U, rows = byte(6) + byte(7) * 256U;
        all.width = width * 8;
        all.height += rows;
        const auto data = out.substr(at + 8, std::size_t{width} * rows);
        EXPECT_EQ(data.size(), std::size_t{width} * rows);
        all.bits.insert(all.bits.end(), data.begin(), data.end());
        at += 8 + data.size();
    }
    return all;
}

TEST(PrinterText, AsciiNeedsNoCodePage)
{
    EXPECT_EQ(bytes(compose_plain("Total 12.50\n\nThanks", profile("tm-t88v"))), "Total 12.50\n\nThanks\n");
    EXPECT_EQ(bytes(compose_plain("Total", profile("pos-80"))), "Total\n");
    EXPECT_EQ(bytes(compose_text("a", {}, profile("tm-t88v"), nullptr)), "\x1B@\x1BR\0a\n"s);
}

TEST(PrinterText, ThePageIsSelectedBeforeItsRunAndRestoredAtTheEnd)
{
    const Composed out = compose_plain("Café 5 €", profile("tm-t88v"));
    // CP858 has both letters: one page for the whole text.
    EXPECT_EQ(bytes(out), "\x1Bt\x10"
                          "Caf\xe9 5 \x80\n\x1Bt\0"s);
    EXPECT_EQ(out.meta.page_switches, 1u);
}

TEST(PrinterText, PagesAreSwitchedAsSeldomAsCanBe)
{
    const Composed out = compose_plain("Grüße, Привет, Ελλάδα", profile("tm-t88v"));
    EXPECT_EQ(out.meta.page_switches, 3u);
    EXPECT_EQ(out.meta.raster_lines, 0u);
    // é is in CP437 and CP1251 has it not; Ж and € are together only in CP1251.
    EXPECT_EQ(compose_plain("Ж € Ж €", profile("tm-t88v")).meta.page_switches, 1u);
}

TEST(PrinterText, TheNumberOfAPageIsTheProfilesOwn)
{
    EXPECT_NE(bytes(compose_plain("Привет", profile("tm-t88v"))).find("\x1Bt\x11"), std::string::npos);
    EXPECT_NE(bytes(compose_plain("Привет", profile("rongta-rp326"))).find("\x1Bt\x06"), std::string::npos);
    EXPECT_NE(bytes(compose_plain("Ж", profile("tm-t88v", R"({"code_pages": {"99": "koi8-r"}})")))
                  .find("\x1Bt\x63\xf6"),
              std::string::npos);
}

TEST(PrinterText, KanjiModeIsLeftBeforeSingleBytePagesAndEnteredBeforeDoubleByteText)
{
    const Composed out = compose_plain("é中", profile("generic-cjk-80"));
    EXPECT_EQ(bytes(out), "\x1C.\x1Bt\0\x82\x1C&\xd6\xd0\n\x1Bt\0"s)
        << "in the mode that the printer starts with";
    EXPECT_EQ(bytes(compose_plain("中é", profile("generic-cjk-80"))),
              "\x1C&\xd6\xd0\x1C.\x1Bt\0\x82\n\x1Bt\0\x1C&"s);
    const Profile japan = profile("tm-t88v", R"({"cjk_charset": "shift-jis"})");
    EXPECT_EQ(bytes(compose_plain("日本", japan)), "\x1C"
                                                   "C\x01\x1C&\x93\xfa\x96\x7b\n\x1C."s);
    EXPECT_EQ(bytes(compose_plain("ｱ", japan)), "\x1C.\x1Bt\x01\xb1\n\x1Bt\0"s)
        << "half-width kana have a page of their own";
    EXPECT_EQ(bytes(compose_plain("국", profile("tm-t88v", R"({"cjk_charset": "euc-kr"})"))),
              "\x1C&\xb1\xb9\n"s);
    EXPECT_EQ(
        bytes(compose_plain("中é", profile("pos-80", R"({"cjk_charset": "utf-8", "cjk_select": "1B3901"})"))),
        "\x1B"
        "9\x01中é\n"s);
}

TEST(PrinterText, DoubleWidthCharactersCountAsTwoCells)
{
    const Profile narrow = profile("generic-cjk-80", R"({"columns": 8})");
    EXPECT_EQ(compose_plain("中文中文", narrow).meta.lines, 1u);
    EXPECT_EQ(compose_plain("中文中文中", narrow).meta.lines, 2u);
    EXPECT_EQ(compose_plain("a中文中文", narrow).meta.lines, 2u);
    EXPECT_EQ(compose_plain("abcd", narrow, {.width = 2}).meta.lines, 1u);
    EXPECT_EQ(compose_plain("abcde", narrow, {.width = 2}).meta.lines, 2u);
}

TEST(PrinterText, LinesBreakAtSpacesAndTabsGoToTheirStop)
{
    const Profile narrow = profile("tm-t88v", R"({"columns": 10})");
    const auto text = [&](std::string_view in, const TextOptions& options = {}) {
        return bytes(compose_plain(in, narrow, options));
    };
    EXPECT_EQ(text("one two three"), "one two\nthree\n");
    EXPECT_EQ(text("one two th"), "one two th\n");
    EXPECT_EQ(text("0123456789 abc"), "0123456789\nabc\n");
    EXPECT_EQ(text("0123456789  \nabc"), "0123456789\nabc\n");
    EXPECT_EQ(text("01234567890123"), "0123456789\n0123\n");
    EXPECT_EQ(text("   01234567890"), "   0123456\n7890\n");
    EXPECT_EQ(text("one two three", {.words = false}), "one two th\nree\n");
    EXPECT_EQ(text("a\tb"), "a       b\n");
    EXPECT_EQ(text("a\tb", {.tab = 4}), "a   b\n");
    EXPECT_EQ(text("0123456789\tb"), "0123456789\nb\n");
    EXPECT_EQ(text("a\r\nb\rc\xE2\x80\xA8"
                   "d\n"),
              "a\nb\nc\nd\n");
    EXPECT_EQ(text(""), "");
    EXPECT_EQ(text("\n\n"), "\n\n");
}

TEST(PrinterText, NoControlReachesThePrinter)
{
    const Composed out = compose_plain("a\x1B@\x10\x04\x01\x1Dr1b\x7F\xC2\x9B", profile("tm-t88v"));
    EXPECT_EQ(bytes(out), "a@r1b\n");
    EXPECT_EQ(out.meta.dropped, 7u);
}

TEST(PrinterText, DecomposedLettersAreComposed)
{
    EXPECT_EQ(bytes(compose_plain("Cafe\u0301", profile("tm-t88v"))), "\x1Bt\0Caf\x82\n\x1Bt\0"s);
    EXPECT_EQ(compose(U"a\u0302\u0301"), U"ấ");
    EXPECT_EQ(compose(U"\u0301"), U"\u0301");
    EXPECT_EQ(bytes(compose_plain("1\u00A0000\u200B,5\uFE0F", profile("tm-t88v"))), "1 000,5\n");
}

TEST(PrinterText, ACharacterThatNoPageHasMakesItsLineAPicture)
{
    const Composed out = compose_plain("ab\nc中\nd", profile("tm-t88v"));
    const std::string text = bytes(out);
    EXPECT_TRUE(text.starts_with("ab\n\x1Dv0"));
    EXPECT_TRUE(text.ends_with("d\n"));
    EXPECT_EQ(text.find('?'), std::string::npos);
    EXPECT_EQ(out.meta, (TextMeta{.lines = 3, .raster_lines = 1, .raster_characters = 1}));
    const Bitmap picture = picture_in(text);
    EXPECT_EQ(picture.width, 40u) << "three cells of 12 dots, in whole bytes";
    EXPECT_TRUE(picture.get(0, 0) && picture.get(35, 23));
    EXPECT_FALSE(picture.get(36, 0) || picture.get(0, 24));
}

TEST(PrinterText, APictureIsCutIntoStripsThatTheModelBears)
{
    const Profile small = profile("tm-t88v", R"({"raster_rows": 8})");
    const std::string text = bytes(compose_plain("中", small, {.height = 2}));
    EXPECT_EQ(picture_in(text).height, 24u * 2 + 6);
    std::size_t strips = 0;
    for (std::size_t at = text.find("\x1Dv0"); at != text.npos; at = text.find("\x1Dv0", at + 1)) {
        EXPECT_LE(static_cast<unsigned char>(text[at + 6]), 8);
        ++strips;
    }
    EXPECT_EQ(strips, 7u);
}

TEST(PrinterText, WithoutPicturesASquareStandsInAndIsCounted)
{
    for (const auto& out :
         {compose_plain("中x", profile("tm-u220")), compose_plain("中x", profile("tm-t88v"), {}, nullptr)}) {
        EXPECT_EQ(bytes(out), "\x1Bt\0\xfe\xfex\n\x1Bt\0"s);
        EXPECT_EQ(out.meta.replaced, 1u);
    }
    EXPECT_EQ(bytes(compose_plain("中", profile("tm-u220", R"({"code_pages": {"3": "iso8859-1"}})"))),
              "**\n");
    const Composed emoji = compose_plain("😀", profile("tm-t88v"));
    EXPECT_EQ(emoji.meta.missing_glyphs, 1u);
    EXPECT_EQ(emoji.meta.raster_lines, 1u);
}

TEST(PrinterText, StyleIsSetAndTakenBack)
{
    const TextOptions options{.font_b = true,
                              .bold = true,
                              .underline = true,
                              .width = 2,
                              .height = 3,
                              .align = Align::center,
                              .feed = 3,
                              .cut = Cut::full};
    EXPECT_EQ(bytes(compose_plain("x", profile("tm-t88v"), options)), "\x1BM\x01\x1D!\x12\x1B"
                                                                      "E\x01\x1B-\x01\x1B"
                                                                      "a\x01x\n\x1B"
                                                                      "a\0\x1B-\0\x1B"
                                                                      "E\0\x1BM\0\x1D!\0\x1B"
                                                                      "d\x03\x1DVA\0"s);
    EXPECT_EQ(bytes(compose_plain("x", profile("pos-58"), {.cut = Cut::full})), "x\n\x1B"
                                                                                "d\x05"s)
        << "no cutter: feed to tear off";
    EXPECT_EQ(bytes(compose_plain("x", profile("tm-u220"), {.cut = Cut::full})), "x\n\x1DVB\0"s)
        << "the cut that it has";
}

TEST(PrinterText, WhatCannotBePrintedIsRefusedWithAReason)
{
    EXPECT_EQ(compose_text("\xff", {}, profile("default"), nullptr).problem.code, "INVALID_REQUEST");
    EXPECT_EQ(compose_text("a", {.charset = "klingon"}, profile("default"), nullptr).problem.code,
              "CHARSET_UNSUPPORTED");
    EXPECT_EQ(compose_text("a", {.width = 9}, profile("default"), nullptr).problem.code, "INVALID_REQUEST");
    EXPECT_EQ(
        compose_text(std::string(max_text_bytes + 1, 'a'), {}, profile("default"), nullptr).problem.code,
        "TOO_LARGE");
    std::string lines;
    for (int i = 0; i < 50'000; ++i) lines += "中\n";
    const Composed out = compose_text(lines, {.width = 8, .height = 8}, profile("tm-t88v"), &blocks);
    EXPECT_EQ(out.problem.code, "TOO_LARGE");
    EXPECT_TRUE(out.bytes.empty());
}

TEST(PrinterText, AnyTextOnAnyProfileKeepsToTheLine)
{
    std::mt19937 random{17};
    const std::u32string alphabet = U"ab  \t\nйЖé€中文국ｱ😀\u0301\u200D\u0E01\u05D0ấ─■";
    for (int round = 0; round < 3'000; ++round) {
        const auto names = profile_names();
        Profile any = *find_profile(names[random() % names.size()]);
        any.columns_a = 2 + random() % 20;
        std::string text;
        for (std::size_t n = random() % 60; n > 0; --n) {
            const char32_t c = alphabet[random() % alphabet.size()];
            if (c < 0x80)
                text += static_cast<char>(c);
            else if (c < 0x800)
                text += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
            else if (c < 0x10000)
                text += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
                         static_cast<char>(0x80 | (c & 63))};
            else
                text += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
                         static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
        }
        const Composed out =
            compose_plain(text, any, {.words = random() % 2 == 0}, random() % 2 == 0 ? &blocks : nullptr);
        ASSERT_EQ(out.problem.code, "");
        // A picture may hold the byte.
        if (out.meta.raster_lines == 0) {
            ASSERT_EQ(bytes(out).find('?'), std::string::npos);
        }
        if (out.meta.raster_lines > 0) {
            ASSERT_LE(picture_in(bytes(out)).width, any.dots + 7);
        }
        Repertoire repertoire{any};
        std::size_t dropped = 0;
        for (const Cells& line :
             break_lines(to_unicode(text, "").text, {any.columns_a, 8, true}, repertoire, dropped))
            ASSERT_LE(width_of(line), any.columns_a);
    }
}

TEST(PrinterCells, WidthsAreThoseOfUnicode)
{
    for (const char32_t wide : U"中국あＡ😀"s) EXPECT_EQ(cells(wide), 2u) << static_cast<unsigned>(wide);
    for (const char32_t narrow : U"aéЖｱ─€"s) EXPECT_EQ(cells(narrow), 1u) << static_cast<unsigned>(narrow);
    for (const char32_t none : U"\u0301\u200D\u0E31\uFE0F"s)
        EXPECT_EQ(cells(none), 0u) << static_cast<unsigned>(none);
}

} // namespace
