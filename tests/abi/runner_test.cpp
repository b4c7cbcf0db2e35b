// The runner dies: by kill -9, by its plugin's crash.
#include "abi_fixture.hpp"

#include <gtest/gtest.h>

#include <csignal>

using namespace agenthost;
using namespace agenthost::test;
using host::PluginState;

namespace {

class Runner : public Abi {};

TEST_P(Runner, RestartsAfterAKill)
{
    auto bench = running();
    const int pid = bench->plugin->status().runner_pid;
    ASSERT_GT(pid, 0);
    const agh_req open = bench->services.open();
    ASSERT_GE(bench->invoke(open, "never"), 0);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    ASSERT_TRUE(bench->until([&] { return !bench->services.died().empty(); }));
    EXPECT_TRUE(contains(bench->services.died().front(), "signal 9")) << bench->services.died().front();
    ASSERT_TRUE(bench->until([&] { return !bench->services.answers(open).empty(); }));
    EXPECT_EQ(bench->services.answers(open).front().flags,
              AGH_REPLY_UNKNOWN); // what it had done, nobody knows
    // Until it is back: busy, certainly not started.
    const auto status = bench->plugin->status();
    EXPECT_EQ(status.state, PluginState::failed);
    EXPECT_TRUE(bench->until(
        [&] { return contains(bench->plugin->status().problem, "It is started again in 1 s."); }));
    EXPECT_EQ(bench->invoke(bench->services.open(), "echo"), AGH_E_BUSY);
    EXPECT_TRUE(goes_on(*bench));
    EXPECT_NE(bench->plugin->status().runner_pid, pid);
    EXPECT_EQ(bench->plugin->status().problem, "");
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Runner, ContainsACrash)
{
    auto bench = running();
    const Answer answer = bench->ask("crash");
    EXPECT_LT(answer.status, 0);
    EXPECT_TRUE(contains(answer.json, "signal 6")) << answer.json;
    EXPECT_TRUE(goes_on(*bench));
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Runner, CanStopWhileItWaitsForTheRestart)
{
    auto bench = running();
    ASSERT_EQ(::kill(bench->plugin->status().runner_pid, SIGKILL), 0);
    ASSERT_TRUE(bench->until([&] { return contains(bench->plugin->status().problem, "started again"); }));
    EXPECT_EQ(bench->stop(), "");
    EXPECT_EQ(bench->plugin->status().runner_pid, 0);
    EXPECT_EQ(bench->invoke(bench->services.open(), "echo"), AGH_E_BUSY);
}

// Killed in the middle of everything: no answer is lost, none comes twice, nothing hangs.
TEST_P(Runner, AnswersEveryRequestThroughManyKills)
{
    auto bench = running();
    for (int round = 0; round < 3; ++round) {
        std::vector<agh_req> asked;
        for (int i = 0; i < 20; ++i) {
            asked.push_back(bench->services.open());
            if (bench->invoke(asked.back(), "echo") < 0) asked.pop_back();
        }
        ASSERT_EQ(::kill(bench->plugin->status().runner_pid, SIGKILL), 0);
        for (const agh_req id : asked) {
            ASSERT_TRUE(bench->until([&] { return !bench->services.answers(id).empty(); })) << round;
            EXPECT_EQ(bench->services.answers(id).size(), 1u);
        }
        ASSERT_TRUE(bench->until([&] { return bench->plugin->status().state == PluginState::failed; }));
        ASSERT_TRUE(goes_on(*bench));
    }
    EXPECT_EQ(bench->stop(), "");
}

INSTANTIATE_TEST_SUITE_P(Isolated, Runner, testing::Values(true), where);

} // namespace
