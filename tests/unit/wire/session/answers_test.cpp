#include "wire/session/answers.hpp"

#include <gtest/gtest.h>

#include <random>

using namespace agenthost::wire;

namespace {

std::string seconds(milliseconds time)
{
    std::string out;
    append_seconds(out, time);
    return out;
}

TEST(Seconds, AreReadAndWrittenAsJsonNumbers)
{
    EXPECT_EQ(seconds(milliseconds{0}), "0");
    EXPECT_EQ(seconds(milliseconds{30'000}), "30");
    EXPECT_EQ(seconds(milliseconds{1'050}), "1.05");
    EXPECT_EQ(seconds(milliseconds{7}), "0.007");
    for (int ms = 0; ms < 20'000; ms += 7)
        EXPECT_EQ(from_seconds(seconds(milliseconds{ms})), milliseconds{ms});
    EXPECT_EQ(from_seconds("1e2"), milliseconds{100'000});
    for (const char* text : {"", "-1", "1e400", "\"1\"", "true", "1 ", "31536001"})
        EXPECT_EQ(from_seconds(text), std::nullopt) << text;
}

TEST(Outcomes, HaveWords)
{
    for (const auto each :
         {Outcome::success, Outcome::error, Outcome::not_started, Outcome::unknown, Outcome::interrupted})
        EXPECT_EQ(outcome_named(to_string(each)), each);
    EXPECT_EQ(outcome_named("paper jam"), std::nullopt);
    EXPECT_EQ(outcome_of("BUSY"), Outcome::not_started);
    EXPECT_EQ(outcome_of("INTERRUPTED"), Outcome::interrupted);
    EXPECT_EQ(outcome_of("ANYTHING"), Outcome::error);
}

TEST(Messages, MoveBetweenTheDataAndTheirOwnPlace)
{
    std::string message, rest, memory;
    ASSERT_TRUE(cut_message(R"({ "a" : 1, "message":"p\u0072int", "b":[] })", message, rest));
    EXPECT_EQ(message, R"("p\u0072int")");
    EXPECT_EQ(rest, R"({"a":1,"b":[]})");
    EXPECT_EQ(with_message("print", rest, memory), R"({"message":"print","a":1,"b":[]})");
    EXPECT_EQ(with_message("print", "{ }", memory), R"({"message":"print"})");
    EXPECT_EQ(with_message("print", {}, memory), R"({"message":"print"})");
    EXPECT_EQ(with_message("print", "\n { \"a\":{} } \n", memory), R"({"message":"print","a":{} })");
    EXPECT_EQ(with_message({}, "{}", memory), "{}");
    EXPECT_EQ(with_message("print", "[1]", memory), "[1]");
    EXPECT_EQ(with_message("print", R"({"m\u0065ssage":1})", memory), R"({"m\u0065ssage":1})");
    for (const char* none :
         {"", "[]", "{}", R"({"message":""})", R"({"message":1})", R"({"a":"message"})", "{\"message\":"}) {
        message.clear(), rest.clear();
        EXPECT_FALSE(cut_message(none, message, rest)) << none;
        EXPECT_EQ(message + rest, "") << none;
    }
}

TEST(Headers, AreOneLine)
{
    EXPECT_TRUE(fits_a_header("Bearer abc"));
    for (const std::string_view bad : {std::string_view{""}, std::string_view{"a\r\nb"},
                                       std::string_view{"a\0b", 3}, std::string_view{"\x7f"}})
        EXPECT_FALSE(fits_a_header(bad));
}

} // namespace
