// What hangs stops nobody else: another plugin answers all the while.
#include "abi_fixture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>

using namespace agenthost;
using namespace agenthost::test;
using namespace std::chrono_literals;
using host::PluginState;

namespace {

class Hanging : public Abi {};

TEST_P(Hanging, GivesUpACreateOrStartThatBlocks)
{
    auto other = running();
    for (const std::string call : {"create", "start"}) {
        SCOPED_TRACE(call);
        Bench bench{"sluggish", isolated(), "block_" + call};
        std::string problem = "nothing";
        bench.plugin->start([&](std::string why) { problem = std::move(why); });
        ASSERT_TRUE(bench.wait_file(call + ".blocked") || problem != "nothing");
        EXPECT_EQ(other->ask("echo", R"({"a":1})").json, R"({"a":1})");
        ASSERT_TRUE(bench.until([&] { return problem != "nothing"; }));
        EXPECT_TRUE(contains(problem, call + "() did not return within")) << problem;
        EXPECT_EQ(bench.plugin->status().state, PluginState::failed);
        bench.release();
        EXPECT_TRUE(isolated() ||
                    bench.wait_file("destroyed")); // it came back after all: cleaned up on its own thread
    }
    EXPECT_EQ(other->stop(), "");
}

// In this process the thread stays behind, and that is said; a runner is ended, and nothing stays.
TEST_P(Hanging, GivesUpADestroyThatBlocks)
{
    auto bench = running("block_destroy", "sluggish");
    const int pid = bench->plugin->status().runner_pid;
    const std::string problem = bench->stop();
    if (isolated()) {
        EXPECT_EQ(problem, "");
        EXPECT_EQ(::kill(pid, 0), -1); // gone and reaped
        return;
    }
    EXPECT_TRUE(contains(problem, "destroy() did not return within 3 s; its thread is left behind."))
        << problem;
    EXPECT_EQ(bench->plugin->status().state, PluginState::failed);
    bench->release();
    EXPECT_TRUE(bench->wait_file("destroyed"));
}

TEST_P(Hanging, DestroysNothingUnderAWorkerThatBlocks)
{
    auto bench = running({}, "sluggish");
    const int pid = bench->plugin->status().runner_pid;
    ASSERT_GE(bench->invoke(bench->services.open(), "block"), 0);
    ASSERT_TRUE(bench->wait_file("invoke.blocked"));
    const std::string problem = bench->stop(0ms);
    EXPECT_FALSE(bench->file("destroyed"));
    if (isolated()) {
        EXPECT_EQ(problem, "");
        EXPECT_EQ(::kill(pid, 0), -1);
        return;
    }
    EXPECT_TRUE(contains(problem, "a worker thread does not come back")) << problem;
    EXPECT_EQ(bench->services.died().size(), 1u);
    bench->release();
}

TEST_P(Hanging, GivesUpAConfigureThatBlocks)
{
    auto bench = running("block_configure", "sluggish");
    EXPECT_TRUE(contains(bench->configure("x"), "configure() did not return within"));
    EXPECT_EQ(bench->services.died().size(), 1u);
    bench->release();
    if (isolated()) {
        EXPECT_TRUE(goes_on(*bench));
    } // a new runner, the old configuration
}

TEST_P(Hanging, StopsWhileConfigureBlocks)
{
    auto bench = running("block_configure", "sluggish");
    std::string configured = "nothing", stopped = "nothing";
    bench->plugin->configure(bench->config_of("x"), [&](std::string why) { configured = std::move(why); });
    ASSERT_TRUE(bench->wait_file("configure.blocked"));
    bench->plugin->stop(10s, [&](std::string why) { stopped = std::move(why); });
    EXPECT_TRUE(bench->until([&] { return configured != "nothing" && stopped != "nothing"; }));
    EXPECT_NE(configured, "");
    EXPECT_EQ(bench->invoke(bench->services.open(), "echo"), AGH_E_BUSY);
    bench->release();
}

TEST_P(Hanging, AsksNoSecondHealthCheckOfOneThatHangs)
{
    auto bench = running("block_health", "sluggish");
    EXPECT_TRUE(contains(bench->check_health(), "did not return within"));
    if (!isolated()) {
        EXPECT_TRUE(contains(bench->check_health(), "has not returned"));
    }
    EXPECT_EQ(bench->ask("echo", R"({"a":1})").json, R"({"a":1})");
    bench->release();
    EXPECT_TRUE(bench->until([&] { return bench->check_health().empty(); }));
    EXPECT_TRUE(bench->plugin->status().healthy);
    EXPECT_EQ(bench->stop(), "");
}

INSTANTIATE_TEST_SUITE_P(Plugin, Hanging, testing::Bool(), where);

} // namespace
