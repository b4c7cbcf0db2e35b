#include "plugins/hub/runs/channels.hpp"
#include "plugins/hub/runs/run.hpp"

#include "wire/codes.hpp"

#include <gtest/gtest.h>

using namespace agenthost::hub;

namespace {

TEST(RunChannels, TakesEachByteOnceAndCountsWhatIsMissing)
{
    RunChannels channels;
    auto piece = channels.take(1, 0, "abc");
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->bytes, "abc");
    EXPECT_FALSE(channels.take(1, 0, "abc")) << "all of it came before";
    piece = channels.take(1, 2, "cd");
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->bytes, "d");
    EXPECT_EQ(piece->missing, 0U);
    piece = channels.take(1, 10, "x");
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->missing, 6U);
    piece = channels.take(2, 0, "err");
    ASSERT_TRUE(piece);
    EXPECT_EQ(channels.next(1), 11U);
    EXPECT_EQ(channels.next(2), 3U);
    EXPECT_EQ(channels.received(), 14U);
}

TEST(RunChannels, ContinueWhereTheyEndedWhenAnAgentCountsFromZeroAgain)
{
    RunChannels channels;
    (void)channels.take(1, 0, "abc");
    channels.rebase();
    const auto piece = channels.take(1, 0, "def");
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->bytes, "def");
    EXPECT_EQ(piece->missing, 0U);
    EXPECT_TRUE(channels.take(1, 3, "g")) << "later pieces are shifted alike";
    EXPECT_EQ(channels.next(1), 7U);
}

TEST(RunChannels, HoldPiecesUpToTheLimitAndReportTheOverflow)
{
    RunChannels channels;
    channels.hold(1, 5, "abc", 4);
    channels.hold(1, 8, "de", 4); // too much
    channels.hold(1, 10, "f", 4); // would fit, but not in order
    const auto held = channels.release();
    ASSERT_EQ(held.size(), 1U);
    EXPECT_EQ(held[0].bytes, "abc");
    EXPECT_TRUE(channels.overflowed());
    EXPECT_FALSE(channels.overflowed());
    channels.hold(2, 0, "abcd", 4);
    EXPECT_EQ(channels.release().size(), 1U) << "there is space again";
}

TEST(RunOfATask, ShowsTheBeginningOfItsCommand)
{
    const auto run = [](const char* params) {
        return begin_run({.id = "t1", .agent = "a", .params = params});
    };
    EXPECT_EQ(run(R"({"command":"ls -l"})").command, "ls -l");
    EXPECT_EQ(run(R"({"argv":["ls","-l","/srv"],"pty":{},"priority":"high"})").command, "ls -l /srv");
    EXPECT_TRUE(run(R"({"argv":["sh"],"pty":{}})").pty);
    EXPECT_FALSE(run(R"({"argv":["sh"],"pty":false})").pty);
    EXPECT_EQ(run("{}").priority, "normal");
    std::string umlauts;
    for (int i = 0; i < 150; ++i) umlauts += "\xC3\xA4";
    EXPECT_EQ(run((R"({"command":"x)" + umlauts + "\"}").c_str()).command, "x" + umlauts.substr(0, 198));
}

TEST(RunOfATask, EndsAsItsTaskEnded)
{
    agenthost::hub::Run run;
    TaskRecord task{.state = TaskState::success, .data = R"({"exit_code":3,"reason":"exit","bytes":17})"};
    RunEnd end = end_run(run, task);
    EXPECT_EQ(end.state, RunState::failed);
    EXPECT_EQ(end.printed, 17U);
    EXPECT_EQ(run.exit_code, 3);
    EXPECT_EQ(run.reason, "exit");
    run = {};
    task = {.state = TaskState::failed};
    task.code = agenthost::wire::code::agent_offline;
    end = end_run(run, task);
    EXPECT_EQ(end.state, RunState::failed);
    EXPECT_EQ(run.reason, "agent_lost");
}

} // namespace
