// Images in all forms in which jobs send them.
#include "rig.hpp"

using namespace agenthost::printer::render;
using namespace agenthost::printer::render::test;

namespace {

// 16 x 3: a frame.
const std::string frame_rows = "\xff\xff\x80\x01\xff\xff";
const std::string frame_art = "################\n#..............#\n################\n";

TEST(RenderImage, DrawsARaster)
{
    const Receipt receipt = drawn("\x1dv0\x00\x02\x00\x03\x00"s + frame_rows);
    EXPECT_EQ(dots(receipt, {0, 0, 16, 3}), frame_art);
    EXPECT_EQ(lines_of(receipt), "0,0 16x3 16x3|");
    EXPECT_EQ(receipt.picture.height(), 3);
    // Twice as wide and high, in the middle.
    const Receipt large = drawn("\x1b"
                                "a\x01\x1dv0\x03\x02\x00\x03\x00"s +
                                frame_rows);
    EXPECT_EQ(lines_of(large), "272,0 32x6 32x6|");
    EXPECT_EQ(black(large, {272, 0, 32, 6}), 4 * 34);
}

TEST(RenderImage, JoinsStripes)
{
    const std::string stripe = "\x1dv0\x00\x02\x00\x03\x00"s + frame_rows;
    EXPECT_EQ(lines_of(stripe + stripe + stripe), "0,0 16x9 16x9|");
    const std::string column = "\x1b*\x21\x02\x00"
                               "abcdef\n"s;
    EXPECT_EQ(lines_of("\x1b"
                       "3\x18" +
                       column + column),
              "0,0 2x48 2x48|");
}

TEST(RenderImage, DrawsColumns)
{
    // A diagonal of 8 dots: 24-dot columns are as they are, 8-dot ones three times as high and, in single
    // density, twice as wide.
    std::string diagonal24, diagonal8;
    for (int x = 0; x < 8; ++x) {
        diagonal24 += static_cast<char>(0x80 >> x) + "\0\0"s;
        diagonal8 += static_cast<char>(0x80 >> x);
    }
    const std::string art = "#\n.#\n..#\n...#\n....#\n.....#\n......#\n.......#\n";
    EXPECT_EQ(dots(drawn("\x1b*\x21\x08\x00"s + diagonal24 + "\n"), {0, 0, 8, 8}), art);
    EXPECT_EQ(dots(drawn("\x1dQ0\x00\x08\x00\x01\x00"s + diagonal8), {0, 0, 8, 8}), art);
    const Receipt coarse = drawn("\x1b*\x00\x08\x00"s + diagonal8 + "\n");
    EXPECT_EQ(lines_of(coarse), "0,0 16x24 16x24|");
    EXPECT_EQ(black(coarse, {0, 0, 16, 24}), 8 * 6);
}

TEST(RenderImage, PrintsGraphicsFromTheBuffer)
{
    const std::string store = "\x1d(L\x10\x00\x30\x70\x30\x01\x01\x31\x10\x00\x03\x00"s + frame_rows,
                      print = "\x1d(L\x02\x00\x30\x32"s;
    EXPECT_EQ(dots(drawn(store + print), {0, 0, 16, 3}), frame_art);
    EXPECT_EQ(warnings_of(drawn(store + print + print)), "GS ( L: there is no image to print x1|");
    EXPECT_EQ(lines_of(drawn("\x1d"
                             "8L\x10\x00\x00\x00\x30\x70\x30\x02\x02\x31\x10\x00\x03\x00"s +
                             frame_rows + print)),
              "0,0 32x6 32x6|");
}

TEST(RenderImage, PrintsStoredImages)
{
    const std::string downloaded = "\x1d*\x01\x01\xff\x81\x81\x81\x81\x81\x81\xff";
    EXPECT_EQ(lines_of(downloaded + "\x1d/\x03"), "0,0 16x16 16x16|");
    EXPECT_EQ(warnings_of(drawn(downloaded + "\x1b@\x1d/\x00"s)),
              "an image that is stored in the printer was not drawn: the job does not contain it x1|");
    const std::string numbered = "\x1cq\x01\x01\x00\x01\x00\xff\x81\x81\x81\x81\x81\x81\xff"s;
    EXPECT_EQ(lines_of(numbered + "\x1b@\x1cp\x01\x00"s), "0,0 8x8 8x8|");
    const std::string keyed = "\x1d(L\x11\x00\x30\x43\x30"
                              "AB\x01\x10\x00\x03\x00\x31"s +
                              frame_rows;
    EXPECT_EQ(lines_of(keyed + "\x1d(L\x06\x00\x30\x45"
                               "AB\x02\x01"s),
              "0,0 32x3 32x3|");
}

TEST(RenderImage, KeepsTheRowsThatArrived)
{
    const Receipt receipt = drawn("\x1dv0\x00\x02\x00\x09\x00"s + frame_rows + "\xff");
    EXPECT_EQ(lines_of(receipt), "0,0 16x4 16x4|");
    EXPECT_EQ(warnings_of(receipt), "the job ends inside GS v 0 x1|");
    EXPECT_EQ(black(receipt, {0, 3, 16, 1}), 8);
    // Twice as wide, and cut in the middle of a row.
    const Receipt wide = drawn("\x1dv0\x03\x02\x00\x09\x00\xff"s);
    EXPECT_EQ(black(wide, {0, 0, 32, 2}), 32);
}

TEST(RenderImage, ClipsWhatIsWiderThanThePaper)
{
    const Receipt receipt = drawn("\x1dv0\x00\x50\x00\x01\x00"s + std::string(80, '\xff'));
    EXPECT_EQ(black(receipt, {0, 0, 640, 1}), 576);
    EXPECT_EQ(warnings_of(receipt), "an image is wider than the printing area x1|");
}

} // namespace
