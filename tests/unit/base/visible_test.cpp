#include "base/visible.hpp"

#include <gtest/gtest.h>

namespace {

using agenthost::base::visible;
using agenthost::base::visible_lines;

TEST(Visible, ShowsWhatATerminalWouldObey)
{
    EXPECT_EQ(visible("plain text, caf\xc3\xa9, \xe6\x97\xa5, \xf0\x9f\x98\x80"),
              "plain text, caf\xc3\xa9, \xe6\x97\xa5, \xf0\x9f\x98\x80");
    EXPECT_EQ(visible("\x1b[31mred\n\r\t\x07\x7f"), "\\x1b[31mred\\x0a\\x0d\\x09\\x07\\x7f");
    EXPECT_EQ(visible("\xc2\x9b"
                      "2J"),
              "\\xc2\\x9b2J")
        << "a control character above ASCII";
    EXPECT_EQ(visible("\x9b"
                      "2J\xff\xe2\x80"),
              "\\x9b2J\\xff\\xe2\\x80")
        << "not UTF-8";
    EXPECT_EQ(visible("a\xe2\x80\xae"
                      "b\xe2\x80\xa8"),
              "a\\xe2\\x80\\xaeb\\xe2\\x80\\xa8")
        << "the direction of text, and a line break";
    EXPECT_EQ(visible(std::string_view{"a\0b", 3}), "a\\x00b");
}

TEST(Visible, KeepsTheLinesOfALongerText) { EXPECT_EQ(visible_lines("a\n\tb\r\x1b"), "a\n\tb\\x0d\\x1b"); }

} // namespace
