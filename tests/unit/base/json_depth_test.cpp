#include "base/json_depth.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace agenthost::base {
namespace {

using nlohmann::json;

std::string nested(char open, char close, std::size_t levels)
{
    return std::string(levels, open) + std::string(levels, close);
}

TEST(JsonDepth, AcceptsTextUpToTheLimitAndNoDeeper)
{
    EXPECT_TRUE(json_depth_ok(""));
    EXPECT_TRUE(json_depth_ok("7"));
    EXPECT_TRUE(json_depth_ok(nested('[', ']', 64)));
    EXPECT_FALSE(json_depth_ok(nested('[', ']', 65)));
    EXPECT_TRUE(json_depth_ok("[[]]", 2));
    EXPECT_FALSE(json_depth_ok("[{\"a\":[]}]", 2));
}

TEST(JsonDepth, CountsLevelsNotBrackets)
{
    std::string wide = "[";
    for (int i = 0; i < 1000; ++i) wide += "{\"a\":[]},";
    wide += "0]";
    EXPECT_TRUE(json_depth_ok(wide, 3));
    EXPECT_FALSE(json_depth_ok(wide, 2));
}

TEST(JsonDepth, IgnoresBracketsInsideStrings)
{
    EXPECT_TRUE(json_depth_ok(R"({"a":"[[[[[["})", 1));
    EXPECT_TRUE(json_depth_ok(R"({"a":"\"[[[[[["})", 1));
    EXPECT_TRUE(json_depth_ok(R"({"a":"\\"})", 1));
    EXPECT_FALSE(json_depth_ok(R"({"a":"\\","b":[]})", 1)); // the string ends after the escaped backslash
}

// Closing brackets that close nothing must not make space for more levels later.
TEST(JsonDepth, DoesNotLetUnbalancedTextExceedTheLimit)
{
    EXPECT_FALSE(json_depth_ok("]]]]" + nested('[', ']', 65)));
    EXPECT_FALSE(json_depth_ok(std::string(1'000'000, '[')));
    EXPECT_TRUE(json_depth_ok("\"[[[[", 1)); // an unfinished string: the parser rejects it
    EXPECT_TRUE(json_depth_ok("\"\\", 1));
}

TEST(JsonDepth, DiscardsTextThatIsTooDeep)
{
    EXPECT_EQ(parse_json<json>(R"({"a":[1]})").at("a").at(0), 1);
    EXPECT_TRUE(parse_json<json>("{").is_discarded());
    EXPECT_TRUE(parse_json<json>(nested('[', ']', 65)).is_discarded());
    EXPECT_FALSE(parse_json<json>(nested('[', ']', 64)).is_discarded());
    EXPECT_TRUE(parse_json<json>(nested('[', ']', 200'000)).is_discarded());
}

} // namespace
} // namespace agenthost::base
