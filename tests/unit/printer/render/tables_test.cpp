// Code pages, glyphs, the wide font, PNG, JSON.
#include "rig.hpp"

#include "plugins/printer/render/png.hpp"
#include "plugins/printer/render/receipt_json.hpp"

#include "tests/support/support.hpp"

#include <nlohmann/json.hpp>

using namespace agenthost::printer::render;
using namespace agenthost::printer::render::test;

namespace {

TEST(CodePages, AreFoundByNameAndNumber)
{
    ASSERT_TRUE(find_code_page("cp866"));
    for (const char* name : {"KZ-1048", "TCVN-3", "KOI8-U", "TIS-620", "RK1048"})
        EXPECT_TRUE(find_code_page(name)) << name;
    EXPECT_EQ(find_code_page("CP866")->upper[0], 0x410);
    for (const char* name : {"iso8859-15", "ISO-8859-15", "latin9"})
        EXPECT_EQ(find_code_page(name), find_code_page("ISO_8859-15")) << name;
    EXPECT_EQ(find_code_page("CP-none"), nullptr);
    EXPECT_EQ(epson_code_page(16)->name, "cp1252");
    EXPECT_EQ(epson_code_page(255), nullptr);
    EXPECT_TRUE(std::ranges::is_sorted(code_pages(), {}, &CodePage::name));
}

TEST(CodePages, HoldTheEuroWhereItIs)
{
    EXPECT_EQ(find_code_page("CP858")->upper[0xd5 - 0x80], 0x20ac);
    EXPECT_EQ(find_code_page("CP850")->upper[0xd5 - 0x80], 0x131);
    EXPECT_EQ(find_code_page("ISO-8859-15")->upper[0xa4 - 0x80], 0x20ac);
    EXPECT_EQ(find_code_page("KATAKANA")->upper[0xb1 - 0x80], 0xff71);
    EXPECT_EQ(find_code_page("CP720")->upper[0xff - 0x80], 0xa0);
}

// Font A has what the common pages need.
TEST(Glyphs, CoverTheCommonPages)
{
    for (const char* name :
         {"CP437", "CP850", "CP852", "CP858", "CP866", "CP1251", "CP1252", "CP737", "ISO-8859-15"}) {
        for (const char16_t code : find_code_page(name)->upper) {
            if (code < 0xa0) continue;
            EXPECT_TRUE(find_glyph(Font::a, code)) << name << ' ' << static_cast<unsigned>(code);
            EXPECT_TRUE(find_glyph(Font::b, code)) << name << ' ' << static_cast<unsigned>(code);
        }
    }
    EXPECT_FALSE(find_glyph(Font::a, 0x4e2d));
}

TEST(Glyphs, JoinBoxesInBothFonts)
{
    for (const Font font : {Font::a, Font::b}) {
        const auto across = find_glyph(font, 0x2500), down = find_glyph(font, 0x2502);
        const std::uint32_t row = ~0U << (32 - across->width);
        EXPECT_TRUE(std::ranges::count(across->rows, row) > 0);
        for (int y = 0; y < down->height; ++y) EXPECT_NE(down->rows[static_cast<std::size_t>(y)], 0U);
    }
}

TEST(WideFont, RejectsOtherFiles)
{
    const agenthost::test::TempDir dir;
    EXPECT_EQ(WideFont::open(dir / "missing"), nullptr);
    agenthost::test::write_file(dir / "text", std::string(5'000, 'x'));
    EXPECT_EQ(WideFont::open(dir / "text"), nullptr);
}

TEST(WideFont, DrawsCharactersOfUnifont)
{
    const WideFont* font = WideFont::installed();
    if (!font) GTEST_SKIP() << "GNU Unifont is not installed";
    const auto middle = font->find(U'中');
    ASSERT_TRUE(middle);
    EXPECT_EQ(middle->width, 16);
    EXPECT_EQ(middle->rows[4], 0x3ff8U << 16);
    EXPECT_EQ(middle->rows[5], 0x2108U << 16);
    EXPECT_EQ(font->find(U'ｱ')->width, 8);
    Options options;
    options.wide_font = font;
    const Receipt receipt = drawn("\x1c&\xd6\xd0\n", options);
    EXPECT_EQ(warnings_of(receipt), "");
    EXPECT_EQ(receipt.lines.at(0).where.width, 24);
}

// Whatever the file holds, nothing outside it is read (under ASan) and the answer comes.
TEST(WideFont, SurvivesDamagedFiles)
{
    if (!WideFont::installed()) GTEST_SKIP() << "GNU Unifont is not installed";
    const std::string whole = agenthost::test::read_file("/usr/share/fonts/opentype/unifont/unifont.otf");
    if (whole.empty()) GTEST_SKIP() << "GNU Unifont is in another place";
    const agenthost::test::TempDir dir;
    for (std::size_t at = 0; at < 1'700; at += 13) {
        std::string damaged = whole.substr(0, 200'000 + at * 97);
        damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
        damaged[at + 1] = static_cast<char>(0xff);
        agenthost::test::write_file(dir / "font", damaged);
        const auto font = WideFont::open(dir / "font");
        if (!font) continue;
        for (const char32_t code : {U'A', U'中', U'\uffff', U'\U0010ffff'}) (void)font->find(code);
    }
}

TEST(Png, HasAMarginAndTheDots)
{
    Picture picture{16, 10};
    picture.grow(2);
    picture.set(0, 0);
    const std::vector<std::uint8_t> file = as_png(picture, {.margin = 8});
    const std::string_view text{reinterpret_cast<const char*>(file.data()), file.size()};
    EXPECT_EQ(text.substr(1, 3), "PNG");
    // 32 x 18, 1 bit, grey
    EXPECT_EQ(text.substr(16, 10), "\0\0\0\x20\0\0\0\x12\x01\0"s);
    EXPECT_FALSE(write_png(picture, [](Bytes) { return false; }));
    EXPECT_GT(as_png(Picture{8, 8}, {.margin = 0}).size(), 50U);
}

TEST(ReceiptJson, HasLinesWithTheirPlaces)
{
    const auto json = nlohmann::json::parse(as_json(drawn("a\"b\n\x1dV\x00\x07\x1bq"s)));
    EXPECT_EQ(json["width"], 576);
    EXPECT_EQ(json["lines"][0],
              (nlohmann::json{
                  {"kind", "text"}, {"text", "a\"b"}, {"x", 0}, {"y", 0}, {"width", 36}, {"height", 24}}));
    EXPECT_EQ(json["cuts"][0]["partial"], false);
    EXPECT_EQ(json["notes"][0]["kind"], "beep");
    EXPECT_EQ(json["warnings"][0]["text"], "unknown command ESC q");
}

} // namespace
