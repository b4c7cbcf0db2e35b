// Small functions on text: glob patterns, splitting, trimming, hexadecimal digits.
#include "base/ascii.hpp"
#include "base/glob.hpp"
#include "base/parse_number.hpp"
#include "base/split.hpp"
#include "base/trim.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace agenthost::base {
namespace {

TEST(Glob, Matches)
{
    EXPECT_TRUE(glob_matches("*.log", "logs/a.log"));
    EXPECT_TRUE(glob_matches("a?c*", "abc"));
    EXPECT_TRUE(glob_matches("*", ""));
    EXPECT_TRUE(glob_matches("a*b*c", "a-b-b-c"));
    EXPECT_FALSE(glob_matches("*.log", "a.log.gz"));
    EXPECT_FALSE(glob_matches("a", "ab"));
    EXPECT_FALSE(glob_matches("", "a"));
}

// fnmatch() would need years.
TEST(Glob, IsNotExponentialOnHostilePatterns)
{
    std::string pattern;
    for (int i = 0; i < 100; ++i) pattern += "*a";
    EXPECT_FALSE(glob_matches(pattern + "b", std::string(4000, 'a')));
    EXPECT_FALSE(glob_matches("*a*a*a*a*a*a*b", std::string(20000, 'a')));
    EXPECT_TRUE(glob_matches(std::string(200, '*'), std::string(20000, 'a')));
}

TEST(Split, KeepsEmptyParts)
{
    using Parts = std::vector<std::string>;
    EXPECT_EQ(split("a/b", "/"), (Parts{"a", "b"}));
    EXPECT_EQ(split("", "/"), Parts{""});
    EXPECT_EQ(split("/a//", "/"), (Parts{"", "a", "", ""}));
    EXPECT_EQ(split("A__B_C", "__"), (Parts{"A", "B_C"}));
}

TEST(Trim, RemovesSpacesAndTabsAtBothEnds)
{
    EXPECT_EQ(trim(" \t a b\t "), "a b");
    EXPECT_EQ(trim("a"), "a");
    EXPECT_EQ(trim(" \t "), "");
    EXPECT_EQ(trim(""), "");
    EXPECT_EQ(trim("\r a\n"), "\r a\n") << "a line end is not a blank";
    EXPECT_EQ(trim_front("\t a "), "a ");
    EXPECT_EQ(trim_front(" "), "");
}

TEST(Trim, RemovesTheCharactersOfAnotherSet)
{
    EXPECT_EQ(trim("\r\n {} \t\n", json_space), "{}");
    EXPECT_EQ(trim(std::string_view{"\0 x \0", 5}, std::string_view{" \0", 2}), "x");
    EXPECT_EQ(trim_front("--a-", "-"), "a-");
}

TEST(TakeLine, ReturnsEachLineWithoutItsEnd)
{
    std::string_view text = "a\n\nb";
    EXPECT_EQ(take_line(text), "a");
    EXPECT_EQ(take_line(text), "");
    EXPECT_EQ(take_line(text), "b");
    EXPECT_EQ(take_line(text), "");
    EXPECT_TRUE(text.empty());
}

TEST(ParseNumber, ReadsTheWholeTextOrNothing)
{
    EXPECT_EQ(parse_number<unsigned>("17"), 17U);
    EXPECT_EQ(parse_number<int>("-17"), -17);
    EXPECT_EQ(parse_number<unsigned>("0fe6", 16), 0x0fe6U);
    for (const char* wrong : {"", " 1", "1 ", "+1", "-1", "0x1", "1.0", "99999999999"})
        EXPECT_FALSE(parse_number<std::uint32_t>(wrong)) << wrong;
    EXPECT_FALSE(parse_number<std::uint16_t>("65536"));
}

TEST(HexDigit, AcceptsBothCasesAndNothingElse)
{
    const std::string digits = "0123456789abcdefABCDEF";
    for (int c = 0; c < 256; ++c) {
        const auto at = digits.find(static_cast<char>(c));
        const int value = at == digits.npos ? -1 : at < 16 ? static_cast<int>(at) : static_cast<int>(at) - 6;
        EXPECT_EQ(hex_digit(static_cast<char>(c)), value) << c;
    }
}

} // namespace
} // namespace agenthost::base
