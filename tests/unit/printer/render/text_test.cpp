// Text: glyphs, styles, positions, lines.
#include "rig.hpp"

using namespace agenthost::printer::render;
using namespace agenthost::printer::render::test;

namespace {

TEST(RenderText, DrawsTheGlyphsOfFontA)
{
    const Receipt receipt = drawn("Ab\n");
    EXPECT_EQ(dots(receipt, {0, 4, 24, 16}), "...#####.....#\n"
                                             "..#.....#....#\n"
                                             ".#.......#...#\n"
                                             ".#.......#...#\n"
                                             ".#.......#...#######\n"
                                             ".#.......#...#......#\n"
                                             ".#.......#...#.......#\n"
                                             ".#.......#...#.......#\n"
                                             ".#########...#.......#\n"
                                             ".#.......#...#.......#\n"
                                             ".#.......#...#.......#\n"
                                             ".#.......#...#.......#\n"
                                             ".#.......#...#.......#\n"
                                             ".#.......#...#......#\n"
                                             ".#.......#...#######\n"
                                             "\n");
    EXPECT_EQ(receipt.picture.width(), 576);
    EXPECT_EQ(receipt.picture.height(), 30);
}

TEST(RenderText, PlacesLinesByAlignmentMarginAndSpacing)
{
    EXPECT_EQ(lines_of("left\n\x1b"
                       "a\x01mid\n\x1b"
                       "a\x02right\n"),
              "0,0 48x24 left|270,30 36x24 mid|516,60 60x24 right|");
    // Left margin 48, area 240, spacing 60.
    EXPECT_EQ(lines_of("\x1dL\x30\x00\x1dW\xf0\x00\x1b"
                       "3\x3cx\n\x1b"
                       "a\x02y\n"s),
              "48,0 12x24 x|276,60 12x24 y|");
    EXPECT_EQ(lines_of("a\x1b"
                       "d\x03"
                       "b\x1bJ\x64"
                       "c\n"),
              "0,0 12x24 a|0,90 12x24 b|0,190 12x24 c|");
}

TEST(RenderText, ScalesAndKeepsOneBaseline)
{
    EXPECT_EQ(lines_of("\x1d!\x11"
                       "BIG\x1d!\x00 small\n"s),
              "0,0 144x48 BIG small|");
    const Receipt receipt = drawn("\x1d!\x70|\x1d!\x00|\n"s);
    // Eight times as wide, not higher: the bar of '|' is 2 dots, so 16.
    EXPECT_EQ(receipt.lines.at(0).where, (Rectangle{0, 0, 108, 24}));
    EXPECT_EQ(lines_of("\x1b!\x31x\n"), "0,0 18x34 x|");
}

TEST(RenderText, WrapsAtThePrintingArea)
{
    const std::string eighty(80, 'x');
    EXPECT_EQ(lines_of(eighty),
              "0,0 576x24 " + eighty.substr(0, 48) + "|0,30 384x24 " + eighty.substr(0, 32) + "|");
    EXPECT_EQ(lines_of("\x1bM\x01" + eighty),
              "0,0 576x17 " + eighty.substr(0, 64) + "|0,30 144x17 " + eighty.substr(0, 16) + "|");
}

TEST(RenderText, GoesToTabsAndPositions)
{
    EXPECT_EQ(lines_of("a\tb\n"), "0,0 108x24 a       b|");
    EXPECT_EQ(lines_of("\x1b"
                       "D\x04\x14\x00"
                       "a\tb\tc\td\n"s),
              "0,0 264x24 a   b               cd|");
    EXPECT_EQ(lines_of("\x1b$\x60\x00x\x1b\\\x18\x00y\n"s), "96,0 48x24 x  y|");
    EXPECT_EQ(lines_of("ab\x1b$\x00\x00  x\n"s).substr(0, 9), "0,0 36x24");
}

TEST(RenderText, DrawsStyles)
{
    const Rectangle cell{0, 0, 12, 24};
    const int plain = black(drawn("H\n"), cell),
              bold = black(drawn("\x1b"
                                 "E\x01H\n"),
                           cell),
              twice = black(drawn("\x1bG\x01H\n"), cell),
              inverse = black(drawn("\x1d"
                                    "B\x01H\n"),
                              cell),
              line = black(drawn("\x1b-\x02H\n"), cell);
    EXPECT_GT(bold, plain);
    EXPECT_EQ(twice, bold);
    EXPECT_EQ(inverse, 12 * 24 - plain);
    EXPECT_EQ(line, plain + 24);
}

TEST(RenderText, TurnsCharactersAndLines)
{
    const Receipt plain = drawn("L\n"), down = drawn("\x1b{\x01L\n"), side = drawn("\x1bV\x01L\n");
    // Upside down: the line's left is the paper's right.
    EXPECT_EQ(down.lines.at(0).where, (Rectangle{564, 0, 12, 24}));
    for (int y = 0; y < 24; ++y)
        for (int x = 0; x < 12; ++x) {
            ASSERT_EQ(down.picture.at(575 - x, 23 - y), plain.picture.at(x, y)) << x << ',' << y;
            ASSERT_EQ(side.picture.at(23 - y, x), plain.picture.at(x, y)) << x << ',' << y;
        }
    EXPECT_EQ(side.lines.at(0).where, (Rectangle{0, 0, 24, 12}));
}

TEST(RenderText, ReadsCodePagesAndNationalSets)
{
    EXPECT_EQ(lines_of("\x82\x1bt\x10\x80\x1bt\x11\x8f\x1bt\x12\xb8\n"), "0,0 48x24 é€ПŞ|");
    EXPECT_EQ(lines_of("\x1bR\x02[\\]{|}~\n"), "0,0 84x24 ÄÖÜäöüß|");
    Options other;
    other.code_pages = {{6, "CP1251"}};
    EXPECT_EQ(lines_of("\x1bt\x06\xcf\n", other), "0,0 12x24 П|");
    EXPECT_EQ(warnings_of(drawn("\x1bt\xc8z\n")), "unknown code page 200 x1|");
}

TEST(RenderText, ReadsKanjiModeAndUtf8)
{
    Options options;
    EXPECT_EQ(lines_of("\x1c&\xd6\xd0\xce\xc4 ok\x1c.\n", options), "0,0 84x24 中文 ok|");
    options.charset = "SHIFT_JIS";
    options.kanji = true;
    EXPECT_EQ(lines_of("\x93\xfa\x96{\n", options), "0,0 48x24 日本|");
    EXPECT_EQ(lines_of("\x1c"
                       "C\x00\x1c&\x46\x7c\n"s),
              "0,0 24x24 日|");
    EXPECT_EQ(lines_of("\x1c(C\x02\x00\x30\x32\xe2\x82\xac\xc3\xa9\n"s), "0,0 24x24 €é|");
}

TEST(RenderText, SaysWhichBytesHaveNoCharacter)
{
    const Receipt receipt = drawn("\x1bt\x10\x81\x81\n");
    EXPECT_EQ(warnings_of(receipt), "the selected code page has no character for a byte x2|");
    EXPECT_EQ(lines_of(receipt), "0,0 24x24 \ufffd\ufffd|");
    EXPECT_GT(black(receipt, {0, 0, 24, 24}), 40);
}

TEST(RenderText, PrintsCharactersOfTheJobsOwn)
{
    // A cross of 8 columns: font A, 3 bytes a column.
    std::string define = "\x1b&\x03\x41\x41\x08"s;
    for (int x = 0; x < 8; ++x) define += x == 3 ? "\xff\xff\xff"s : "\x00\x18\x00"s;
    const Receipt receipt = drawn(define + "\x1b%\x01"
                                           "AB\x1b%\x00"
                                           "A\n"s);
    EXPECT_EQ(black(receipt, {0, 0, 12, 24}), 24 + 7 * 2);
    EXPECT_TRUE(receipt.picture.at(3, 0) && receipt.picture.at(3, 23) && receipt.picture.at(0, 11));
    EXPECT_EQ(receipt.lines.at(0).text, "ABA");
}

TEST(RenderText, ForgetsEverythingAtReset)
{
    EXPECT_EQ(lines_of("lost\x1b"
                       "a\x02\x1d!\x77\x1b@x\n"),
              "0,0 12x24 x|");
}

TEST(RenderText, PrintsTheSameHoweverTheJobIsCut)
{
    const std::string job = "\x1b@\x1b!\x38Hello\n\x1c&\xd6\xd0\x1c.\x1dv0\x00\x02\x00\x03\x00"
                            "abcdef\x1dk\x49\x06{Bab12\x1b*\x21\x02\x00"
                            "abcdef\n\x1bL\x1bW\x00\x00\x00\x00\x40\x01\x40\x01\x1bT\x01up\x0c"s;
    const Receipt whole = drawn(job);
    for (const std::size_t piece : {1U, 2U, 3U, 7U}) {
        Renderer renderer{{}};
        for (std::size_t at = 0; at < job.size(); at += piece)
            renderer.feed(bytes(std::string_view{job}.substr(at, piece)));
        const Receipt cut = renderer.finish();
        EXPECT_EQ(as_ascii(cut.picture), as_ascii(whole.picture));
        EXPECT_EQ(lines_of(cut), lines_of(whole));
    }
}

} // namespace
