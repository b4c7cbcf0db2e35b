#include "base/utf8.hpp"

#include <gtest/gtest.h>

namespace agenthost::base {
namespace {

TEST(Utf8, FindsTheFirstInvalidByte)
{
    for (const char* text :
         {"", "plain", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x96\xa8", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
        EXPECT_EQ(utf8_valid_prefix(text), std::string_view{text}.size()) << text;
    for (const char* wrong : {"ab\xe9", "ab\xc3", "ab\xc0\xaf", "ab\xed\xa0\x80", "ab\xe0\x80\x80",
                              "ab\xf4\x90\x80\x80", "ab\xf5\x80\x80\x80", "ab\x80", "ab\xe2\x82", "ab\xff"})
        EXPECT_EQ(utf8_valid_prefix(wrong), 2U) << wrong;
}

} // namespace
} // namespace agenthost::base
