// Lines out of bytes, levels out of lines, a rate.
#include "plugins/telemetry/lines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace agenthost::telemetry;
using namespace std::chrono_literals;
using testing::ElementsAre;

namespace {

struct Split {
    Splitter splitter;
    std::vector<std::string> lines;
    void feed(std::string_view bytes)
    {
        splitter.feed(bytes, [this](std::string_view line, bool cut) {
            lines.push_back(std::string{line} + (cut ? "|" : ""));
        });
    }
};

TEST(Splitter, ReturnsWholeLinesHoweverTheyAreSplit)
{
    Split split;
    for (const char c : std::string{"one\ntwo\r\n\nthr"}) split.feed({&c, 1});
    EXPECT_THAT(split.lines, ElementsAre("one", "two"));
    EXPECT_EQ(split.splitter.pending(), 3u);
    split.feed("ee\n");
    EXPECT_THAT(split.lines, ElementsAre("one", "two", "three"));
    EXPECT_EQ(split.splitter.pending(), 0u);
}

TEST(Splitter, CutsALongLineAndSkipsItsRest)
{
    Split split;
    split.feed(std::string(Splitter::max_line, 'a') + "\n");
    split.feed(std::string(Splitter::max_line, 'b'));
    split.feed("rest");
    split.feed(std::string(100'000, 'c'));
    EXPECT_EQ(split.splitter.pending(), Splitter::max_line + 4 + 100'000);
    split.feed("\nnext\n");
    ASSERT_EQ(split.lines.size(), 3u);
    EXPECT_EQ(split.lines[0], std::string(Splitter::max_line, 'a'));
    EXPECT_EQ(split.lines[1], std::string(Splitter::max_line, 'b') + "|");
    EXPECT_EQ(split.lines[2], "next");
}

TEST(Splitter, TakesBytesOfAnyKind)
{
    Split split;
    split.feed(std::string_view{"a\0b\xff\xfe\n", 6});
    ASSERT_EQ(split.lines.size(), 1u);
    EXPECT_EQ(split.lines[0], (std::string{"a\0b\xff\xfe", 5}));
    const Line line{.message = split.lines[0]};
    const auto json = nlohmann::json::parse(line_json(line), nullptr, false);
    ASSERT_TRUE(json.is_object()) << line_json(line);
    EXPECT_EQ(json["message"], std::string("a\0b\xef\xbf\xbd\xef\xbf\xbd", 9));
}

TEST(Levels, AreReadFromTheLine)
{
    const auto guess = [](std::string_view line) { return guess_severity(line); };
    EXPECT_EQ(guess("<3>disk is broken"), Severity::error);
    EXPECT_EQ(guess("<4>hm"), Severity::warn);
    EXPECT_EQ(guess("<6>fine"), Severity::info);
    EXPECT_EQ(guess("<7>detail"), Severity::debug);
    EXPECT_EQ(guess("2026-11-20 17:44:00 ERROR cannot open"), Severity::error);
    EXPECT_EQ(guess("2026/11/20 17:44:00 [warn] 12#12: x"), Severity::warn);
    EXPECT_EQ(guess(R"({"time":"..","level":"warning","msg":"x"})"), Severity::warn);
    EXPECT_EQ(guess("time=1 level=error msg=x"), Severity::error);
    EXPECT_EQ(guess("[FATAL] x"), Severity::error);
    EXPECT_EQ(guess("an error occurred, said the manual"), std::nullopt);
    EXPECT_EQ(guess("GET /error HTTP/1.1"), std::nullopt);
    EXPECT_EQ(guess(""), std::nullopt);
    EXPECT_EQ(guess("<"), std::nullopt);
    EXPECT_EQ(guess("<3"), std::nullopt);
    EXPECT_EQ(guess(std::string(5000, 'x') + " ERROR"), std::nullopt);
}

TEST(Levels, AcceptCommonNames)
{
    EXPECT_EQ(severity("Warning"), Severity::warn);
    EXPECT_EQ(severity("ERR"), Severity::error);
    EXPECT_EQ(severity("notice"), Severity::info);
    EXPECT_EQ(severity("loud"), std::nullopt);
    EXPECT_EQ(severity(std::string(1000, 'e')), std::nullopt);
    for (const auto level :
         {Severity::trace, Severity::debug, Severity::info, Severity::warn, Severity::error})
        EXPECT_EQ(severity(to_string(level)), level);
}

TEST(Bucket, LetsABurstThroughAndThenARate)
{
    Bucket bucket{10, 3};
    EXPECT_TRUE(bucket.take(1s) && bucket.take(1s) && bucket.take(1s));
    EXPECT_FALSE(bucket.take(1s));
    EXPECT_TRUE(bucket.take(1s + 100ms));
    EXPECT_FALSE(bucket.take(1s + 100ms));
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.take(1h));
    EXPECT_FALSE(bucket.take(1h)); // hours of silence are one burst
}

TEST(Bucket, GivesNothingForAClockThatGoesBack)
{
    Bucket bucket{10, 1};
    EXPECT_TRUE(bucket.take(10s));
    EXPECT_FALSE(bucket.take(5s));
    EXPECT_FALSE(bucket.take(10s));
    EXPECT_TRUE(bucket.take(10s + 100ms));
}

} // namespace
