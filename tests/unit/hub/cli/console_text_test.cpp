#include "plugins/hub/cli/console_text.hpp"

#include <gtest/gtest.h>

namespace {

using agenthost::hub::cli::ConsoleText;

// The same at once and byte by byte.
std::string shown(std::string_view bytes)
{
    ConsoleText whole, split;
    std::string out = whole.feed(bytes), pieces;
    out += whole.finish();
    for (const char c : bytes) pieces += split.feed({&c, 1});
    pieces += split.finish();
    EXPECT_EQ(out, pieces);
    return out;
}

TEST(ConsoleText, PassesTextAndColours)
{
    EXPECT_EQ(shown("a\tcaf\xc3\xa9 \xf0\x9f\x98\x80\n"), "a\tcaf\xc3\xa9 \xf0\x9f\x98\x80\n");
    EXPECT_EQ(shown("\x1b[31mred\x1b[0m\n"), "\x1b[31mred\x1b[0m\n");
    EXPECT_EQ(shown("\x1b[38;5;1mred"), "\x1b[38;5;1mred\x1b[0m") << "a colour ends with the output";
    EXPECT_EQ(shown("one\r\ntwo\n"), "one\ntwo\n");
    EXPECT_EQ(shown("10%\r20%\n"), "10%\n20%\n") << "nothing is covered";
    EXPECT_EQ(shown("> \r\x1b[Kline\n"), "> \nline\n");
}

TEST(ConsoleText, RemovesWhatATerminalWouldObey)
{
    EXPECT_EQ(shown("a\x1b]52;c;cHduZWQ=\x07"
                    "b\x1b]0;PWN\x1b\\c"),
              "abc");
    EXPECT_EQ(shown("a\x1b[2J\x1b[Hb\x1b[6n\x1b[?1049hc\x1b[>0;1mq"), "abcq");
    EXPECT_EQ(shown("a\xc2\x9b"
                    "2Jb\xc2\x9d"
                    "0;x\xc2\x9c"
                    "c"),
              "abc");
    EXPECT_EQ(shown("a\x1b(0b\x1b"
                    "cc\x1bPq#0\x1b\\d"),
              "abcd");
    EXPECT_EQ(shown("a\x07\x08\x7f\x05"
                    "b"),
              "ab");
    EXPECT_EQ(shown("a\x9b"
                    "b\xff\xc3"
                    "c"),
              "a\\x9bb\\xff\\xc3c");
    EXPECT_EQ(shown("\x1b]0;never ends"), "");
    EXPECT_EQ(shown("\x1b[" + std::string(1000, '1') + "mx"), "x");
    EXPECT_EQ(shown("a\xe2\x80\xae"
                    "b"),
              "a\\xe2\\x80\\xae"
              "b");
}

} // namespace
