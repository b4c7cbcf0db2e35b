// What only the library in this process can show: queues, threads, demotion, strays.
#include "host_double.hpp"

#include <gtest/gtest.h>

using namespace agenthost;
using namespace agenthost::test;
using namespace std::chrono_literals;
using host::PluginState;

namespace {

struct Hostile : testing::Test {
    Bench bench{"hostile", false};
    void SetUp() override { ASSERT_EQ(bench.start(), ""); }
    // Both workers busy.
    void occupy()
    {
        for (int i = 0; i < 2; ++i) ASSERT_EQ(bench.invoke(bench.services.open(), "block"), AGH_PENDING);
        ASSERT_TRUE(bench.wait_file("invoke.blocked"));
        ASSERT_TRUE(bench.until([&] { return bench.plugin->status().queued == 0; }));
    }
};

TEST_F(Hostile, QueuesRequestsUpToTheBound)
{
    occupy();
    std::vector<agh_req> waiting;
    for (int i = 0; i < 4; ++i) {
        waiting.push_back(bench.services.open());
        EXPECT_EQ(bench.invoke(waiting.back(), "echo"), AGH_PENDING);
    }
    EXPECT_EQ(bench.plugin->status().queued, 4u);
    EXPECT_EQ(bench.invoke(bench.services.open(), "echo"), AGH_E_BUSY);
    EXPECT_STREQ(bench.error.code, "BUSY");
    EXPECT_STREQ(bench.error.text, "plugin hostile has 4 requests waiting already; try again later");
    bench.release();
    for (const agh_req id : waiting)
        EXPECT_TRUE(bench.until([&] { return !bench.services.answers(id).empty(); }));
    EXPECT_EQ(bench.stop(), "");
}

TEST_F(Hostile, DropsRequestsCancelledInTheQueue)
{
    occupy();
    const agh_req id = bench.services.open();
    ASSERT_EQ(bench.invoke(id, "echo"), AGH_PENDING);
    bench.plugin->cancel(id);
    EXPECT_TRUE(bench.services.answers(id).empty()); // not from inside cancel()
    ASSERT_TRUE(bench.until([&] { return !bench.services.answers(id).empty(); }));
    EXPECT_EQ(bench.services.answers(id).front().status, AGH_E_CANCELLED);
    EXPECT_EQ(bench.services.answers(id).front().flags, AGH_REPLY_NOT_STARTED);
    EXPECT_FALSE(bench.file("cancelled." + std::to_string(id))); // the plugin never heard of it
    bench.release();
    EXPECT_EQ(bench.stop(), "");
}

TEST_F(Hostile, RefusesQueuedRequestsWhenItStops)
{
    occupy();
    const agh_req id = bench.services.open();
    ASSERT_EQ(bench.invoke(id, "echo"), AGH_PENDING);
    std::string problem = "nothing";
    bench.plugin->stop(60s, [&](std::string why) { problem = std::move(why); });
    ASSERT_TRUE(bench.until([&] { return !bench.services.answers(id).empty(); }));
    EXPECT_EQ(bench.services.answers(id).front().status, AGH_E_BUSY);
    EXPECT_EQ(bench.services.answers(id).front().flags, AGH_REPLY_NOT_STARTED);
    EXPECT_EQ(bench.invoke(bench.services.open(), "echo"), AGH_E_BUSY);
    bench.release();
    ASSERT_TRUE(bench.until([&] { return problem != "nothing"; }));
    EXPECT_EQ(problem, "");
}

TEST_F(Hostile, WaitsForAPluginWithoutDrainUntilItIsIdle)
{
    Bench least{"hostile", false, "least"};
    ASSERT_EQ(least.start(), "");
    const agh_req id = least.services.open();
    ASSERT_EQ(least.invoke(id, "late"), AGH_PENDING);
    ASSERT_TRUE(least.wait_file("late.blocked"));
    bool stopped = false;
    least.plugin->stop(60s, [&](const std::string& why) { stopped = why.empty(); });
    least.io.poll();
    EXPECT_FALSE(stopped);
    least.release();
    EXPECT_TRUE(least.until([&] { return stopped; }));
    EXPECT_EQ(least.services.answers(id).size(), 1u);
    EXPECT_EQ(bench.stop(), "");
}

// A thread that destroy() forgot calls on and on: every call is answered AGH_E_STALE, nothing is touched that
// is gone.
TEST_F(Hostile, OutlivesAStrayThread)
{
    ASSERT_EQ(bench.ask("stray").status, AGH_OK);
    EXPECT_EQ(bench.stop(), "");
    bench.plugin.reset();
    bench.release();
    EXPECT_TRUE(bench.wait_file("stray_was_stale"));
    EXPECT_FALSE(bench.file("stray_got_through"));
}

TEST_F(Hostile, AnswersBothOfTwoStops)
{
    int stopped = 0;
    bench.plugin->stop(60s, [&](const std::string&) { ++stopped; });
    bench.plugin->stop(60s, [&](const std::string&) { ++stopped; });
    EXPECT_TRUE(bench.until([&] { return stopped == 2; }));
    EXPECT_EQ(bench.stop(), ""); // stopped already
}

TEST_F(Hostile, StopsAPluginThatIsStillStarting)
{
    Bench starting{"hostile", false, "block_start"};
    std::string started = "nothing", stopped = "nothing";
    starting.plugin->start([&](std::string why) { started = std::move(why); });
    ASSERT_TRUE(starting.wait_file("start.blocked"));
    starting.plugin->stop(60s, [&](std::string why) { stopped = std::move(why); });
    starting.release();
    ASSERT_TRUE(starting.until([&] { return stopped != "nothing"; }));
    EXPECT_EQ(started, "");
    EXPECT_EQ(stopped, "");
    EXPECT_EQ(starting.plugin->status().state, PluginState::stopped);
    EXPECT_EQ(bench.stop(), "");
}

TEST(Plain, AnswersInsideInvoke)
{
    Bench bench{"plain", false};
    ASSERT_EQ(bench.start(), "");
    const agh_req id = bench.services.open();
    EXPECT_EQ(bench.invoke(id, "echo", R"({"a":1})"), AGH_PENDING);
    EXPECT_EQ(bench.services.answers(id).size(), 1u); // before invoke() returned: no thread, no hop
    EXPECT_EQ(bench.stop(), "");
}

TEST(Plain, MovesAnActionToAWorkerWhenItBlocksTheIoThread)
{
    Bench bench{"plain", false};
    ASSERT_EQ(bench.start(), "");
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(bench.plugin->status().demoted);
        EXPECT_EQ(bench.ask("sleep").status, AGH_OK);
    }
    EXPECT_TRUE(bench.plugin->status().demoted);
    EXPECT_EQ(bench.plugin->status().inline_overruns, 3u);
    ASSERT_FALSE(bench.services.logged().empty());
    EXPECT_NE(bench.services.logged().back().find("blocked the I/O thread"), std::string::npos);
    const agh_req id = bench.services.open();
    EXPECT_EQ(bench.invoke(id, "sleep"), AGH_PENDING);
    EXPECT_TRUE(bench.services.answers(id).empty()); // on a worker now
    EXPECT_TRUE(bench.until([&] { return !bench.services.answers(id).empty(); }));
    EXPECT_EQ(bench.stop(), "");
}

} // namespace
