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
class HeldInProcess : public Abi {};
class HeldInARunner : public Abi {};

TEST_P(Hanging, TimesOutACreateOrStartThatBlocks)
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
TEST_P(Hanging, TimesOutADestroyThatBlocks)
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

TEST_P(Hanging, DoesNotDestroyWhileAWorkerBlocks)
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

TEST_P(Hanging, TimesOutAConfigureThatBlocks)
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

TEST_P(Hanging, RunsNoSecondHealthCheckWhileOneHangs)
{
    auto bench = running("block_health", "sluggish");
    EXPECT_TRUE(contains(bench->check_health(), "did not return within"));
    if (isolated()) { // its runner would not return from anything else either
        ASSERT_TRUE(bench->until([&] { return !bench->services.died().empty(); }));
        EXPECT_TRUE(
            contains(bench->services.died()[0], "its health check did not return, so its runner was killed"))
            << bench->services.died()[0];
        bench->release();
        EXPECT_TRUE(goes_on(*bench));
        EXPECT_EQ(bench->plugin->status().restarts, 1u);
        EXPECT_EQ(bench->stop(), "");
        return;
    }
    EXPECT_TRUE(contains(bench->check_health(), "has not returned"));
    EXPECT_EQ(bench->ask("echo", R"({"a":1})").json, R"({"a":1})");
    bench->release();
    EXPECT_TRUE(bench->until([&] { return bench->check_health().empty(); }));
    EXPECT_TRUE(bench->plugin->status().healthy);
    EXPECT_EQ(bench->stop(), "");
}

constexpr const char* did_not_end = "hostile.block did not end within 30 s after it was told to stop";

// In this process a thread cannot be stopped: that is said at once, until the worker is back.
TEST_P(HeldInProcess, ABlockedWorkerMakesThePluginStuck)
{
    auto bench = running();
    std::vector<agh_req> held{bench->services.open(), bench->services.open()};
    ASSERT_GE(bench->invoke(held[0], "block"), 0);
    ASSERT_TRUE(bench->wait_file("invoke.blocked"));
    for (const agh_req id : held) bench->services.forget(id); // dispatch has given them up
    bench->plugin->overdue(held[0], did_not_end);
    auto status = bench->plugin->status();
    EXPECT_FALSE(status.healthy);
    EXPECT_EQ(status.held, 1u);
    EXPECT_TRUE(contains(status.stuck, did_not_end)) << status.stuck;
    EXPECT_TRUE(contains(status.stuck, "1 of its 2 worker threads")) << status.stuck;
    EXPECT_TRUE(contains(status.stuck, "restart agenthost")) << status.stuck;
    EXPECT_EQ(bench->services.changes, 1);
    EXPECT_EQ(bench->check_health(), "");
    EXPECT_FALSE(bench->plugin->status().healthy) << "its own check does not know";
    EXPECT_EQ(bench->ask("echo", R"({"a":1})").json, R"({"a":1})") << "the other worker works";

    ASSERT_GE(bench->invoke(held[1], "block"), 0);
    // The second is inside when a third one waits behind it.
    const agh_req waits = bench->services.open();
    ASSERT_TRUE(bench->until([&] { return bench->plugin->status().queued == 0; }));
    ASSERT_GE(bench->invoke(waits, "echo"), 0);
    bench->plugin->overdue(held[1], did_not_end);
    EXPECT_EQ(bench->plugin->status().held, 2u);
    EXPECT_EQ(bench->invoke(bench->services.open(), "echo"), AGH_E_BUSY) << "it would only time out";
    EXPECT_TRUE(contains(bench->error.text, "is stuck")) << bench->error.text;
    ASSERT_TRUE(bench->until([&] { return !bench->services.answers(waits).empty(); }));
    EXPECT_EQ(bench->services.answers(waits)[0].flags, AGH_REPLY_NOT_STARTED);

    bench->release();
    ASSERT_TRUE(bench->until([&] { return bench->plugin->status().stuck.empty(); }));
    EXPECT_TRUE(bench->plugin->status().healthy);
    EXPECT_EQ(bench->ask("echo", R"({"a":1})").json, R"({"a":1})");
    EXPECT_EQ(bench->stop(), "");
}

// No thread hangs, and still it does not say the end.
TEST_P(HeldInProcess, AnOverdueRequestMakesThePluginStuck)
{
    auto bench = running();
    const agh_req open = bench->services.open();
    ASSERT_GE(bench->invoke(open, "late"), 0);
    ASSERT_TRUE(bench->wait_file("late.blocked"));
    bench->services.forget(open); // dispatch has given it up
    bench->plugin->overdue(open, did_not_end);
    // The worker that wrote the file may still be on its way out; until then it counts as held.
    EXPECT_TRUE(bench->until([&] { return contains(bench->plugin->status().stuck, "keeps requests"); }))
        << bench->plugin->status().stuck;
    EXPECT_EQ(bench->ask("echo", R"({"a":1})").json, R"({"a":1})");
    bench->release();
    EXPECT_TRUE(bench->until([&] { return bench->plugin->status().stuck.empty(); }));
    EXPECT_EQ(bench->stop(), "");
}

// The plugin answers in the moment in which dispatch gives the request up: the stale answer comes before
// overdue().
TEST_P(HeldInProcess, ALastMomentReplyDoesNotMakeThePluginStuck)
{
    auto bench = running();
    const agh_req open = bench->services.open();
    ASSERT_GE(bench->invoke(open, "late"), 0);
    ASSERT_TRUE(bench->wait_file("late.blocked"));
    bench->services.forget(open); // dispatch has given it up
    bench->release();
    ASSERT_TRUE(bench->until([&] { return bench->services.late == 1; }));
    bench->plugin->overdue(open, did_not_end);
    EXPECT_TRUE(bench->until([&] { return bench->plugin->status().stuck.empty(); }))
        << bench->plugin->status().stuck;
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(HeldInARunner, KillsAndRestartsTheRunner)
{
    auto bench = running();
    const int pid = bench->plugin->status().runner_pid;
    const agh_req held = bench->services.open(), other = bench->services.open();
    ASSERT_GE(bench->invoke(held, "block"), 0);
    ASSERT_TRUE(bench->wait_file("invoke.blocked"));
    ASSERT_GE(bench->invoke(other, "never"), 0);
    bench->plugin->overdue(held, did_not_end);
    bench->plugin->overdue(other, did_not_end);
    EXPECT_FALSE(bench->plugin->status().healthy) << "at once";
    EXPECT_FALSE(contains(bench->plugin->status().problem, "isolation: process")) << "it has that already";
    ASSERT_TRUE(bench->until([&] { return !bench->services.died().empty(); }));
    EXPECT_TRUE(contains(bench->services.died()[0], did_not_end)) << bench->services.died()[0];
    EXPECT_TRUE(contains(bench->services.died()[0], "its runner was killed")) << bench->services.died()[0];
    EXPECT_TRUE(bench->plugin->status().recovering);
    ASSERT_TRUE(bench->until([&] { return !bench->services.answers(other).empty(); }))
        << "what was out is answered";
    EXPECT_TRUE(goes_on(*bench));
    EXPECT_NE(bench->plugin->status().runner_pid, pid);
    EXPECT_EQ(bench->plugin->status().restarts, 1u) << "killed once";
    EXPECT_TRUE(bench->plugin->status().healthy);
    EXPECT_EQ(::kill(pid, 0), -1);
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(HeldInProcess, ConfigureOfAFailedPluginStartsIt)
{
    auto bench = running("block_configure", "sluggish");
    EXPECT_NE(bench->configure("x"), "");
    EXPECT_EQ(bench->plugin->status().state, PluginState::failed);
    bench->release();
    EXPECT_EQ(bench->configure("y"), "");
    EXPECT_EQ(bench->plugin->status().state, PluginState::running) << "success means that it runs";
    EXPECT_EQ(bench->ask("echo", R"({"a":1})").json, R"({"a":1})");
    EXPECT_EQ(bench->configure("fail_start"), "");
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Hanging, AShorterStopShortensTheOneInProgress)
{
    auto bench = running("never_drained");
    ASSERT_GE(bench->invoke(bench->services.open(), "never"), 0);
    int stopped = 0;
    bench->plugin->stop(1h, [&](const std::string&) { ++stopped; });
    bench->plugin->stop(1ms, [&](const std::string&) { ++stopped; });
    EXPECT_TRUE(bench->until([&] { return stopped == 2; }));
}

TEST_P(Hanging, AShorterStopAppliesDuringTheStart)
{
    Bench bench{"hostile", isolated(), "slow_start_never_drained"};
    int stopped = 0;
    bench.plugin->start([](const std::string&) {});
    ASSERT_TRUE(bench.wait_file("start.blocked"));
    bench.plugin->stop(1h, [&](const std::string&) { ++stopped; });
    bench.plugin->stop(1ms, [&](const std::string&) { ++stopped; });
    bench.release();
    EXPECT_TRUE(bench.until([&] { return stopped == 2; }));
}

INSTANTIATE_TEST_SUITE_P(Plugin, Hanging, testing::Bool(), where);
INSTANTIATE_TEST_SUITE_P(Plugin, HeldInProcess, testing::Values(false), where);
INSTANTIATE_TEST_SUITE_P(Plugin, HeldInARunner, testing::Values(true), where);

} // namespace
