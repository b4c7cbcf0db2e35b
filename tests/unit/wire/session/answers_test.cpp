#include "wire/iso8601.hpp"
#include "wire/session/answers.hpp"

#include <gtest/gtest.h>

#include <random>

using namespace agenthost::wire;

namespace {

std::string text_of(std::int64_t at)
{
    std::string out;
    append_iso8601(out, at);
    return out;
}

TEST(Iso8601, IsWrittenInUtcWithMilliseconds)
{
    EXPECT_EQ(text_of(0), "\"1970-01-01T00:00:00.000Z\"");
    EXPECT_EQ(text_of(1'737'626'400'007), "\"2025-01-23T10:00:00.007Z\"");
    EXPECT_EQ(text_of(-1), "\"1969-12-31T23:59:59.999Z\"");
    EXPECT_EQ(text_of(951'782'400'000), "\"2000-02-29T00:00:00.000Z\"");
}

TEST(Iso8601, StaysWritableOutsideOfItsYears)
{
    EXPECT_EQ(text_of(std::numeric_limits<std::int64_t>::max()), "\"9999-12-31T23:59:59.999Z\"");
    EXPECT_EQ(text_of(std::numeric_limits<std::int64_t>::min()), "\"0000-01-01T00:00:00.000Z\"");
}

TEST(Iso8601, IsReadInEveryUsualForm)
{
    for (const char* text : {"2025-01-23T10:00:00Z", "2025-01-23T10:00:00.000Z", "2025-01-23T12:00:00+02:00",
                             "2025-01-23T04:30:00-0530", "2025-01-23T10:00Z", "2025-01-23t10:00:00z",
                             "2025-01-23T10:00:00", "2025-01-23 10:00:00.0000009Z"}) {
        EXPECT_EQ(from_iso8601(text), 1'737'626'400'000) << text;
    }
    EXPECT_EQ(from_iso8601("2025-01-23T10:00:00.5Z"), 1'737'626'400'500);
    EXPECT_EQ(from_iso8601("2025-01-23T10:00:00.123456789Z"), 1'737'626'400'123);
}

TEST(Iso8601, RefusesWhatIsNoTime)
{
    for (const char* text :
         {"", "yesterday", "2025-01-23", "2025-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "2025-01-23T10",
          "2025-01-23T10:", "2025-01-23T10:00:", "2025-01-23T10:00:00.", "2025-01-23T10:00:00.Z",
          "2025-01-23T25:00:00Z", "2025-01-23T10:60:00Z", "2025-01-23T10:00:61Z", "2025-01-23T10:00:00+2",
          "2025-01-23T10:00:00+24:00", "2025-01-23T10:00:00Zx", "2025-1-23T10:00:00Z",
          "12025-01-23T10:00:00Z", "..."}) {
        EXPECT_EQ(from_iso8601(text), std::nullopt) << text;
    }
}

TEST(Iso8601, ReadsBackEveryTimeItWrites)
{
    std::mt19937_64 random{1};
    for (int i = 0; i < 5000; ++i) {
        const auto at = static_cast<std::int64_t>(random() % 300'000'000'000'000) - 60'000'000'000'000;
        const std::string text = text_of(at);
        EXPECT_EQ(from_iso8601(text.substr(1, text.size() - 2)), at) << text;
    }
}

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
        EXPECT_EQ(outcome_named(outcome_word(each)), each);
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
