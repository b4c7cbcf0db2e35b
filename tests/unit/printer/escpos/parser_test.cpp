// Streams of ESC/POS as commands; how many bytes an interrupted one still needs.
#include "recorder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

using namespace agenthost::printer::escpos;
using namespace agenthost::printer::escpos::test;
using namespace std::string_literals;

namespace {

struct Case {
    std::string stream, log;
};
const std::vector<Case> cases{
    {"abc\n", "\"abc\" LF{} "},
    {"\x1b@x\x1b!\x30y", "ESC @{} \"x\" ESC ! 48{} \"y\" "},
    {"\x1b$\x10\x01", "ESC $ 16 1{} "},
    {"\x1b"
     "D\x08\x10\x00z"s,
     "ESC D{\x08\x10} \"z\" "},
    {"\x1b"
     "D\x08\x04z",
     "ESC D{\x08} ?EOT{} \"z\" "},
    {"\x1b*\x21\x02\x00"
     "abcdef!"s,
     "ESC * 33 2 0{abcdef} \"!\" "},
    {"\x1b*\x00\x03\x00"
     "abc!"s,
     "ESC * 0 3 0{abc} \"!\" "},
    {"\x1b&\x01\x41\x42\x02xy\x01z!", "ESC & 1 65 66{\x02xy\x01z} \"!\" "},
    {"\x1b&\x03\x42\x41!", "ESC & 3 66 65{} \"!\" "},
    {"\x1b"
     "c5\x01\x1bp\x00\x19\xfa"s,
     "ESC c 5 1{} ESC p 0 25 250{} "},
    {"\x1b(A\x03\x00\x61\x01\x02"s, "ESC ( A 3 0{\x61\x01\x02} "},
    {"\x1bZ\x03\x02\x04\x05\x00hello!"s, "ESC Z 3 2 4 5 0{hello} \"!\" "},
    {"\x1d"
     "V\x00\x1d"
     "V\x41\x03"s,
     "GS V 0{} GS V 65 3{} "},
    {"\x1dv0\x00\x02\x00\x02\x00"
     "\x1b@\x1b@!"s,
     "GS v 0 0 2 0 2 0{\x1b@\x1b@} \"!\" "},
    {"\x1dv0\x00\x02\x00\x00\x00!"s, "GS v 0 0 2 0 0 0{} \"!\" "},
    {"\x1d(k\x05\x00\x31P0hi!"s, "GS ( k 5 0{1P0hi} \"!\" "},
    {"\x1d"
     "8L\x03\x00\x00\x00"
     "0p1!"s,
     "GS 8 L 3 0 0 0{0p1} \"!\" "},
    {"\x1dk\x04"
     "ABC\x00!"s,
     "GS k 4{ABC} \"!\" "},
    {"\x1dk\x49\x03{AB!", "GS k 73 3{{AB} \"!\" "},
    {"\x1d*\x01\x01"
     "12345678!",
     "GS * 1 1{12345678} \"!\" "},
    {"\x1dQ0\x00\x02\x00\x02\x00"
     "abcd!"s,
     "GS Q 0 0 2 0 2 0{abcd} \"!\" "},
    {"\x1d"
     "C;1;22;3;4;5;!",
     "GS C ;{1;22;3;4;5;} \"!\" "},
    {"\x1d"
     "C;1;x",
     "GS C ;{1;} \"x\" "},
    {"\x1d"
     "D0C0AA01BM\x08\x00\x00\x00xy!"s,
     "GS D 48 67 48 65 65 48 49 66 77 8 0 0 0{xy} \"!\" "},
    {"\x1cq\x02\x01\x00\x01\x00"
     "12345678\x00\x00\x01\x00!"s,
     "FS q 2{\x01\x00\x01\x00"
     "12345678\x00\x00\x01\x00} \"!\" "s},
    {"\x1c&\x1c.\x1c!\x0c", "FS &{} FS .{} FS ! 12{} "},
    {"\x1cg1\x00"
     "abcd\x02\x00xy!"s,
     "FS g 1 0 97 98 99 100 2 0{xy} \"!\" "},
    {"\x10\x04\x01\x10\x14\x01\x00\x05\x10\x05\x02"s, "DLE EOT 1{} DLE DC4 1 0 5{} DLE ENQ 2{} "},
    {"\x10\x04\x07\x01\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08", "DLE EOT 7 1{} DLE DC4 8 1 3 20 1 6 2 8{} "},
    // What is unknown is skipped by the rule of its family, and the stream goes on.
    {"\x1d(x\x02\x00zz!"s, "?GS ( x 2 0{zz} \"!\" "},
    {"\x1bq!", "?ESC q{} \"!\" "},
    {"\x1b\x1d"
     "a\x01!",
     "?ESC GS a 1{} \"!\" "},
    {"\x1b\x1b@", "?ESC NUL{} ESC @{} "},
    {"\x10"
     "a\x10\x0a",
     "?DLE NUL{} \"a\" ?DLE NUL{} LF{} "},
    {"\x01", "?SOH{} "},
};

TEST(EscposParser, FindsTheEndOfEachCommand)
{
    for (const Case& c : cases) EXPECT_EQ(parsed(c.stream), c.log);
}

TEST(EscposParser, DoesNotCareWhereTheStreamIsCut)
{
    std::string all, log;
    for (const Case& c : cases) {
        if (c.log.ends_with("\" ")) continue; // text would join the next text
        all += c.stream;
        log += c.log;
    }
    for (const std::size_t piece : {1U, 2U, 3U, 5U, 7U, 64U}) EXPECT_EQ(parsed(all, piece), log) << piece;
}

// Of each command that was cut after each of its bytes, missing() NULs end it, one less does not.
TEST(EscposParser, KnowsHowManyBytesEndAnOpenCommand)
{
    for (const Case& c : cases) {
        for (std::size_t cut = 0; cut <= c.stream.size(); ++cut) {
            Parser parser;
            parser.feed(bytes(std::string_view{c.stream}.substr(0, cut)));
            const std::uint64_t missing = parser.missing();
            ASSERT_EQ(missing == 0, !parser.open_command()) << c.log << cut;
            for (std::uint64_t i = 0; i < missing; ++i) {
                ASSERT_TRUE(parser.open_command()) << c.log << cut;
                parser.feed(bytes({"\0", 1}));
            }
            EXPECT_FALSE(parser.open_command()) << c.log << cut;
        }
    }
}

TEST(EscposParser, NamesTheCommandThatIsOpen)
{
    Parser parser;
    parser.feed(bytes("text\x1dv0\x00\x48\x00\x00\x10"s));
    parser.feed(bytes("12345"));
    const auto open = parser.open_command();
    ASSERT_TRUE(open);
    EXPECT_EQ(open->op, gs('v', '0'));
    EXPECT_EQ(open->position, 4U);
    EXPECT_EQ(open->data_size, 72U * 4'096U);
    EXPECT_EQ(parser.missing(), 72U * 4'096U - 5U);
    EXPECT_EQ(parser.position(), 17U);
}

TEST(EscposParser, AnswersAtOnceForTheLargestCommand)
{
    Parser parser;
    parser.feed(bytes("\x1d"
                      "8L\xff\xff\xff\xff"));
    EXPECT_EQ(parser.missing(), 0xffffffffU);
    Parser raster;
    raster.feed(bytes("\x1dv0\x00\xff\xff\xff\xff"s));
    EXPECT_EQ(raster.missing(), 65'535U * 65'535U);
}

TEST(EscposParser, EndsABarcodeWhoseNulWasLost)
{
    EXPECT_EQ(parsed("\x1dk\x04" + std::string(260, 'A') + "\n"),
              "GS k 4{" + std::string(255, 'A') + "} \"AAAAA\" LF{} ");
    EXPECT_EQ(parsed("\x1b"
                     "D" +
                     [] {
                         std::string stops;
                         for (char c = 1; c <= 40; ++c) stops += c;
                         return stops;
                     }())
                  .substr(0, 6),
              "ESC D{");
}

TEST(EscposParser, CountsWhatItDoesNotKnow)
{
    Parser parser;
    parser.feed(bytes("a\x1bq\x01\x1d(x\x01\x00x\x1b@"s));
    EXPECT_EQ(parser.unknown(), 3U);
}

TEST(EscposCommand, IsNamedAsInManuals)
{
    EXPECT_EQ(to_string(gs('(', 'k')), "GS ( k");
    EXPECT_EQ(to_string(esc(' ')), "ESC SP");
    EXPECT_EQ(to_string(dle(0x14, 8)), "DLE DC4 8");
    EXPECT_EQ(to_string(control(0x0a)), "LF");
    EXPECT_EQ(to_string(op_of(esc_byte, 0xc8)), "ESC 0xc8");
}

} // namespace
