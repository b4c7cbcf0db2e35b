// The command line of `agenthost hub`, and the keys that leave a shell.
#include "plugins/hub/cli/detach_keys.hpp"
#include "tests/unit/hub/cli/parsed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost::hub::cli;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

std::string refused(const std::vector<std::string>& words)
{
    try {
        parsed(words);
    } catch (const Usage& e) {
        return e.what();
    }
    return {};
}

TEST(HubArguments, WordsAfterTheDashesBelongToTheCommand)
{
    const Arguments args = parsed({"exec", "web1", "--cwd=/srv", "-e", "A=1", "--env", "B", "--timeout", "5m",
                                   "-i", "--json", "--", "ls", "--cwd", "x", "--"});
    EXPECT_THAT(args.words, ElementsAre("exec", "web1"));
    ASSERT_TRUE(args.after);
    EXPECT_THAT(*args.after, ElementsAre("ls", "--cwd", "x", "--"));
    EXPECT_EQ(args.cwd, "/srv");
    EXPECT_THAT(args.env, ElementsAre("A=1", "B"));
    EXPECT_EQ(args.timeout, 5min);
    EXPECT_TRUE(args.input);
    EXPECT_TRUE(args.as_json);
    EXPECT_FALSE(parsed({"runs"}).after);
}

TEST(HubArguments, ReportsTheProblem)
{
    EXPECT_THAT(refused({"exec", "--pyt"}), HasSubstr("unknown option --pyt"));
    EXPECT_THAT(refused({"exec", "--cwd"}), HasSubstr("--cwd needs a value"));
    EXPECT_THAT(refused({"exec", "--timeout", "soon"}), HasSubstr("30s, 5m or 2h"));
    EXPECT_THAT(refused({"exec", "--cwdx=1"}), HasSubstr("unknown option"));
    EXPECT_THAT(refused({"server", "start", "a", "--wait", "2h"}), HasSubstr("at most 1h"));
}

TEST(HubArguments, AServersCommandWaitsAsLongAsItIsTold)
{
    EXPECT_EQ(parsed({"server", "start", "a", "--wait", "30m"}).wait, 30min);
    EXPECT_FALSE(parsed({"server", "start", "a"}).wait);
    EXPECT_TRUE(parsed({"server", "start", "a", "--no-wait"}).no_wait);
}

TEST(HubArguments, ReadsTimes)
{
    EXPECT_EQ(duration("500ms"), 500ms);
    EXPECT_EQ(duration("30"), 30s);
    EXPECT_EQ(duration("30s"), 30s);
    EXPECT_EQ(duration("2h"), 2h);
    EXPECT_EQ(duration("1d"), 24h);
    for (const char* bad : {"", "s", "1w", "-1", "1.5s", "99999999999"}) EXPECT_FALSE(duration(bad)) << bad;
}

TEST(DetachKeys, AreCtrlBracketThenD)
{
    DetachKeys keys;
    EXPECT_EQ(keys.feed("ls d\r").bytes, "ls d\r");
    const auto typed = keys.feed("x\x1d"
                                 "dlost");
    EXPECT_EQ(typed.bytes, "x");
    EXPECT_TRUE(typed.detach);
}

TEST(DetachKeys, AreRecognizedHoweverTheBytesAreSplit)
{
    DetachKeys keys;
    EXPECT_EQ(keys.feed("a\x1d").bytes, "a");
    EXPECT_TRUE(keys.feed("d").detach);
}

TEST(DetachKeys, PassAllOtherBytes)
{
    DetachKeys keys;
    EXPECT_EQ(keys.feed("\x1d\x1d"
                        "d")
                  .bytes,
              "\x1d"
              "d"); // twice types one
    EXPECT_EQ(keys.feed("\x1d"
                        "q")
                  .bytes,
              "\x1d"
              "q"); // another key: both
    EXPECT_FALSE(keys.feed("\x1d").detach);
    EXPECT_EQ(keys.feed("\x1b[A").bytes, "\x1d\x1b[A");
}

} // namespace
