// Page mode, cuts, notes.
#include "rig.hpp"

using namespace agenthost::printer::render;
using namespace agenthost::printer::render::test;

namespace {

// x y dx dy, each below 256.
std::string area(unsigned x, unsigned y, unsigned dx, unsigned dy)
{
    std::string out = "\x1bW";
    for (const unsigned n : {x, y, dx, dy}) {
        out += static_cast<char>(n);
        out += '\0';
    }
    return out;
}

TEST(RenderPage, PrintsNothingBeforeTheFormFeed)
{
    EXPECT_EQ(lines_of("\x1bL" + area(0, 0, 200, 100) + "text\x1bS"), "");
    EXPECT_EQ(lines_of("\x1bL" + area(0, 0, 200, 100) +
                       "text\x0c"
                       "after\n"),
              "0,0 48x24 text|0,100 60x24 after|");
    EXPECT_EQ(warnings_of(drawn("\x1bLtext\n")), "the job ends in page mode; its page was not printed x1|");
    EXPECT_EQ(lines_of("\x1bL" + area(0, 0, 200, 100) + "gone\x0a\x18kept\x0c"), "0,0 48x24 kept|");
}

TEST(RenderPage, PrintsInFourDirections)
{
    const std::string where = area(100, 50, 200, 120);
    const auto direction = [&](char d) { return "\x1bL" + where + "\x1bT" + std::string(1, d) + "AB\x0c"; };
    EXPECT_EQ(lines_of(direction(0)), "100,50 24x24 AB|");
    EXPECT_EQ(lines_of(direction(1)), "100,146 24x24 AB|");
    EXPECT_EQ(lines_of(direction(2)), "276,146 24x24 AB|");
    EXPECT_EQ(lines_of(direction(3)), "276,50 24x24 AB|");
    const Receipt right = drawn(direction(0)), up = drawn(direction(1)), left = drawn(direction(2)),
                  down = drawn(direction(3));
    for (int y = 0; y < 24; ++y)
        for (int x = 0; x < 24; ++x) {
            const bool dot = right.picture.at(100 + x, 50 + y);
            ASSERT_EQ(up.picture.at(100 + y, 169 - x), dot);
            ASSERT_EQ(left.picture.at(299 - x, 169 - y), dot);
            ASSERT_EQ(down.picture.at(299 - y, 50 + x), dot);
        }
}

TEST(RenderPage, PlacesLinesAtAbsoluteHeights)
{
    EXPECT_EQ(lines_of("\x1bL" + area(0, 0, 200, 200) + "\x1d$\x64\x00x\x1d$\x30\x00\x1b$\x50\x00y\x0c"s),
              "0,76 12x24 x|80,24 12x24 y|");
}

TEST(RenderPage, MarksCuts)
{
    const Receipt full = drawn("a\n\x1dV\x00"s), partial = drawn("a\n\x1dV\x42\x10"
                                                                 "b\n\x1bi");
    ASSERT_EQ(full.cuts.size(), 1U);
    EXPECT_EQ(full.cuts[0].y, 39);
    EXPECT_FALSE(full.cuts[0].partial);
    EXPECT_EQ(lines_of(full), "0,0 12x24 a|0,30 576x18 full|");
    ASSERT_EQ(partial.cuts.size(), 2U);
    EXPECT_EQ(lines_of(partial), "0,0 12x24 a|0,46 576x18 partial|0,64 12x24 b|0,94 576x18 partial|");
    EXPECT_EQ(black(full, {276, 30, 24, 18}), 36);
    EXPECT_EQ(black(partial, {276, 46, 24, 18}), 0);
    Options plain;
    plain.cut_marks = false;
    EXPECT_EQ(drawn("a\n\x1dV\x00"s, plain).picture.height(), 30);
}

TEST(RenderPage, NotesWhatPaperDoesNotShow)
{
    EXPECT_EQ(notes_of(drawn("\x1bp\x00\x32\xfa\x10\x14\x01\x01\x02\x1b"
                             "B\x03\x02\x07\x1d(A\x02\x00\x00\x02"s)),
              "pin 2, on 100 ms, off 500 ms|pin 5, on 200 ms|3 times|once|the printer prints a test page of "
              "its own|");
}

TEST(RenderPage, WritesAReceiptAsText)
{
    const Receipt receipt = drawn("\x1b"
                                  "a\x01SHOP\n\x1b"
                                  "a\x00"
                                  "Tea\x1b$\x08\x02"
                                  "2.50\n\x1dv0\x00\x02\x00\x01\x00\xff\xff\x1bp\x00\x32\xfa\x1dV\x00\x1bq"s);
    EXPECT_EQ(as_text(receipt), "                      SHOP\n"
                                "Tea                                        2.50\n"
                                "[image 16x1]\n"
                                "--------- cut ----------\n"
                                "drawer: pin 2, on 100 ms, off 500 ms\n"
                                "warning: unknown command ESC q\n");
}

} // namespace
