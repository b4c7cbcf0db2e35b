// What a plugin may do wrong once it runs.
#include "abi_fixture.hpp"

#include "tests/support/caught.hpp"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include <chrono>

#include <fcntl.h>
#include <unistd.h>

using namespace agenthost;
using namespace agenthost::test;
using namespace std::chrono_literals;
using host::PluginState;

namespace {

// --- a plugin that behaves

TEST_P(Abi, RunsAPluginInC)
{
    auto bench = running({}, "plain");
    EXPECT_EQ(bench->services.fact("plain"), R"({"language":"C11"})");
    EXPECT_EQ(bench->ask("echo", R"({"a":1})").json, R"({"a":1})");
    const Answer refused = bench->ask("other");
    EXPECT_EQ(refused.status, AGH_E_UNSUPPORTED);
    EXPECT_TRUE(contains(refused.json, "plain knows plain.echo")) << refused.json;
    EXPECT_EQ(bench->stop(), "");
    EXPECT_EQ(bench->plugin->status().state, PluginState::stopped);
}

TEST_P(Abi, StopsAndStartsAgain)
{
    auto bench = running();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(bench->ask("echo", R"({"i":1})").json, R"({"i":1})");
        EXPECT_EQ(bench->stop(), "");
        EXPECT_TRUE(bench->file("drained"));
        EXPECT_TRUE(bench->file("destroyed"));
        EXPECT_EQ(bench->invoke(bench->services.open(), "echo"), AGH_E_BUSY);
        EXPECT_EQ(bench->start(), "");
    }
    EXPECT_EQ(bench->services.closed, 3);
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, ProvidesServices)
{
    auto bench = running();
    EXPECT_EQ(bench->ask("services").json, R"({"state":"/state/hostile"})");
    EXPECT_TRUE(bench->until(
        [&] { return bench->services.fact("k") == R"({"v":1})" && bench->services.metrics == 1; }));
    EXPECT_TRUE(bench->until([&] { return !bench->services.logged().empty(); }));
    EXPECT_EQ(bench->services.logged().front(), "a line");
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, StreamsInOrder)
{
    auto bench = running();
    const agh_req id = bench->services.open();
    ASSERT_GE(bench->invoke(id, "stream"), 0);
    ASSERT_TRUE(bench->until([&] { return !bench->services.answers(id).empty(); }));
    EXPECT_EQ(bench->services.streamed(id),
              (std::vector<std::string>{"1@0:hello ", "1@6:world", R"(0@0:{"done":1})"}));
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, PassesDescriptorsBothWays)
{
    auto bench = running();
    write_file(bench->dir / "blob", "bytes");
    const int fd = ::open((bench->dir / "blob").c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    const Answer answer = bench->ask("blob", "{}", fd);
    EXPECT_EQ(answer.status, AGH_OK) << answer.json;
    EXPECT_EQ(answer.blob, "bytes");
    EXPECT_EQ(::close(fd), 0); // it stayed ours
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, FiresTimersWatchesAndPosts)
{
    auto bench = running();
    EXPECT_EQ(bench->ask("timer").json, R"({"cookie":11})");
    EXPECT_EQ(bench->ask("post").json, R"({"cookie":12})");
    EXPECT_EQ(bench->ask("watch").json, R"({"cookie":13})");
    EXPECT_EQ(bench->ask("period").json, R"({"cookie":14})");
    EXPECT_EQ(bench->ask("cancelled_timer").json, R"({"cookie":11})");
    EXPECT_FALSE(bench->file("task.15"));
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, DeliversPostsOfStartAfterIt)
{
    auto bench = running("post_in_start");
    EXPECT_TRUE(bench->wait_file("task.77"));
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, AnswersACallOnce)
{
    auto bench = running();
    Caught<std::function<void(const agh_reply&)>> done;
    bench->services.on_call = [&](auto d) { done.put(std::move(d)); };
    const agh_req id = bench->services.open();
    ASSERT_GE(bench->invoke(id, "call"), 0);
    ASSERT_TRUE(bench->until([&] { return done.get() != nullptr; }));
    const std::string text = R"({"from":"other"})";
    agh_reply reply{};
    reply.size = sizeof reply;
    reply.json = {text.data(), text.size()};
    done.get()(reply);
    ASSERT_TRUE(bench->until([&] { return !bench->services.answers(id).empty(); }));
    EXPECT_EQ(bench->services.answers(id).front().json, text);
    EXPECT_TRUE(bench->file("result.0"));
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, AnswersOutstandingCallsBeforeDestroy)
{
    auto bench = running();
    Caught<std::function<void(const agh_reply&)>> done;
    bench->services.on_call = [&](auto d) { done.put(std::move(d)); };
    ASSERT_GE(bench->invoke(bench->services.open(), "call"), 0);
    ASSERT_TRUE(bench->until([&] { return done.get() != nullptr; }));
    EXPECT_EQ(bench->stop(), "");
    EXPECT_TRUE(bench->file("result.-11")); // AGH_E_CLOSED
    agh_reply reply{};
    reply.size = sizeof reply;
    done.get()(reply); // too late: nobody is called
    bench->io.poll();
    EXPECT_FALSE(bench->file("result.0"));
}

TEST_P(Abi, ConfiguresAllOrNothing)
{
    auto bench = running();
    EXPECT_EQ(bench->configure("other"), "");
    EXPECT_EQ(bench->configure("fail_configure"), "");
    EXPECT_EQ(bench->plugin->status().state, PluginState::running);
    EXPECT_FALSE(bench->file("destroyed")); // the same instance
    EXPECT_TRUE(contains(bench->configure("x"), "the device is not there"));
    EXPECT_EQ(bench->ask("echo", R"({"b":2})").json, R"({"b":2})");
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, RecreatesAPluginWithoutConfigure)
{
    auto bench = running("least");
    EXPECT_EQ(bench->configure("least"), "");
    EXPECT_TRUE(bench->file("destroyed"));
    EXPECT_EQ(bench->ask("echo", R"({"b":2})").json, R"({"b":2})");
    const std::string problem = bench->configure("fail_start");
    EXPECT_TRUE(contains(problem, "the device is not there")) << problem;
    EXPECT_TRUE(contains(problem, "The old configuration goes on.")) << problem;
    EXPECT_EQ(bench->ask("echo", R"({"c":3})").json, R"({"c":3})");
    EXPECT_EQ(bench->stop(), "");
}

// --- exceptions: what arrives across the C boundary is caught, becomes an error, and is said

TEST_P(Abi, CatchesExceptionsOfInvoke)
{
    auto bench = running();
    for (const char* verb : {"throw", "throw_int"}) {
        const Answer answer = bench->ask(verb);
        EXPECT_EQ(answer.status, AGH_E_INTERNAL) << verb;
        EXPECT_TRUE(told(answer.json, isolated())) << answer.json;
        EXPECT_TRUE(goes_on(*bench));
    }
    if (!isolated()) {
        EXPECT_EQ(bench->ask("throw_after").status, AGH_OK); // it had completed: that counts
        EXPECT_TRUE(bench->until([&] { return !bench->plugin->status().healthy; }));
        EXPECT_TRUE(contains(bench->plugin->status().problem, "invoke() threw an exception"))
            << bench->plugin->status().problem;
    }
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, CatchesExceptionsOfTheLifeCycle)
{
    for (const char* mode : {"throw_create", "throw_int_create", "throw_start", "throw_int_start"}) {
        Bench bench{"hostile", isolated(), mode};
        EXPECT_TRUE(told(bench.start(), isolated())) << mode << ": " << bench.plugin->status().problem;
        EXPECT_EQ(bench.plugin->status().state, PluginState::failed);
        EXPECT_EQ(bench.stop(), "");
    }
    auto bench = running("throw_configure");
    EXPECT_NE(bench->configure("x"), "");
    EXPECT_TRUE(goes_on(*bench));
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, CatchesExceptionsOfCallbacks)
{
    for (const std::string mode :
         {"throw_cancel", "throw_writable", "throw_on_task", "throw_health", "throw_extension"}) {
        if (isolated() && mode == "throw_extension")
            continue; // asked while it starts, there: as throw_create
        SCOPED_TRACE(mode);
        auto bench = running(mode);
        const agh_req never = bench->services.open();
        ASSERT_GE(bench->invoke(never, "never"), 0);
        bench->ask("timer");
        EXPECT_TRUE(bench->file("task.11"));
        bench->plugin->cancel(never);
        bench->plugin->writable(never);
        bench->check_health();
        EXPECT_TRUE(goes_on(*bench));
        bench->stop(0ms);
    }
}

TEST_P(Abi, DestroysEvenWhenDrainAndDestroyThrow)
{
    auto drain = running("throw_drain");
    drain->stop(10ms);
    EXPECT_EQ(drain->plugin->status().state, PluginState::stopped);
    EXPECT_TRUE(isolated() || drain->file("destroyed"));
    auto destroy = running("throw_destroy");
    const std::string problem = destroy->stop();
    if (!isolated()) {
        EXPECT_TRUE(contains(problem, "destroy() threw")) << problem;
    }
}

// --- errors of its own

TEST_P(Abi, ReportsWhyCreateOrStartRefused)
{
    for (const char* mode : {"fail_create", "fail_start"}) {
        Bench bench{"hostile", isolated(), mode};
        EXPECT_TRUE(contains(bench.start(), "the device is not there")) << mode;
        EXPECT_EQ(bench.file("destroyed"),
                  std::string_view{mode} == "fail_start"); // what create() made, destroy() takes back
    }
    for (const char* mode : {"mute_create", "mute_start"}) {
        Bench bench{"hostile", isolated(), mode};
        EXPECT_NE(bench.start(), "") << mode;
    }
}

TEST_P(Abi, RefusesAnIncompletePluginApi)
{
    for (const char* mode : {"no_api", "no_invoke"}) {
        Bench bench{"hostile", isolated(), mode};
        EXPECT_NE(bench.start(), "") << mode;
        EXPECT_EQ(bench.plugin->status().state, PluginState::failed);
    }
}

TEST_P(Abi, PassesOnRefusalsOfInvoke)
{
    auto bench = running();
    const Answer refused = bench->ask("refuse");
    EXPECT_EQ(refused.status, AGH_E_NOT_FOUND);
    EXPECT_EQ(refused.json, R"({"code":"FILE_NOT_FOUND","message":"File not found: \"x\""})");
    const Answer busy = bench->ask("busy");
    EXPECT_EQ(busy.status, AGH_E_BUSY);
    EXPECT_EQ(busy.flags, AGH_REPLY_NOT_STARTED);
    EXPECT_EQ(bench->ask("mute").status, AGH_E_DENIED);
    const Answer garbled = bench->ask("garble");
    EXPECT_EQ(garbled.status, AGH_E_DENIED);
    EXPECT_TRUE(nlohmann::json::accept(garbled.json)) << garbled.json; // dispatch takes only that
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, RejectsInvalidReturnValues)
{
    auto bench = running();
    EXPECT_EQ(bench->ask("ok").status, AGH_E_INTERNAL);
    EXPECT_EQ(bench->ask("nonsense_status").status, AGH_E_INTERNAL);
    EXPECT_EQ(bench->ask("complete_and_ok").status, AGH_OK); // completed first: that counts
    EXPECT_EQ(bench->ask("complete_and_refuse").status, AGH_OK);
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, RefusesWrongArgumentsOfEveryFunction)
{
    auto bench = running();
    const Answer answer =
        bench->ask("abuse"); // pointers to nowhere: the runner may end of them, the host may not
    EXPECT_TRUE(answer.json == R"({"refused":"all"})" || (isolated() && told(answer.json, true)))
        << answer.json;
    EXPECT_TRUE(goes_on(*bench));
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, ReportsThePluginsHealth)
{
    auto bench = running();
    EXPECT_EQ(bench->check_health(), "");
    EXPECT_EQ(bench->stop(), "");
    auto ill = running("fail_health");
    EXPECT_TRUE(contains(ill->check_health(), "the device is not there"));
    EXPECT_FALSE(ill->plugin->status().healthy);
    EXPECT_FALSE(ill->plugin->status().degraded);
    EXPECT_EQ(ill->stop(), "");
    auto degraded = running("busy_health");
    EXPECT_TRUE(contains(degraded->check_health(), "one printer of two is off"));
    EXPECT_FALSE(degraded->plugin->status().healthy);
    EXPECT_TRUE(degraded->plugin->status().degraded) << "by the plugin's own word";
    EXPECT_EQ(degraded->stop(), "");
}

// --- too often, too late, never

TEST_P(Abi, IgnoresASecondReply)
{
    auto bench = running();
    const agh_req id = bench->services.open();
    ASSERT_GE(bench->invoke(id, "twice"), 0);
    ASSERT_TRUE(bench->until([&] { return bench->services.late == 1 || bench->file("second_was_stale"); }));
    ASSERT_TRUE(bench->until([&] { return !bench->services.answers(id).empty(); }));
    EXPECT_EQ(bench->services.answers(id).size(), 1u);
    EXPECT_EQ(bench->services.answers(id).front().json, "{}");
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, WaitsForALateReplyWithinTheGrace)
{
    auto bench = running();
    const agh_req id = bench->services.open();
    ASSERT_GE(bench->invoke(id, "late"), 0);
    ASSERT_TRUE(bench->wait_file("late.blocked"));
    bench->release();
    ASSERT_TRUE(bench->until([&] { return !bench->services.answers(id).empty(); }));
    EXPECT_EQ(bench->services.answers(id).front().json, R"({"late":true})");
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, StopsWithinTheGraceWhenNothingIsEverAnswered)
{
    auto bench = running("never_drained");
    const agh_req id = bench->services.open();
    ASSERT_GE(bench->invoke(id, "never"), 0);
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(bench->stop(100ms), "");
    EXPECT_GE(std::chrono::steady_clock::now() - began, 100ms);
    EXPECT_TRUE(bench->file("destroyed"));
}

TEST_P(Abi, PassesOnCancelAndWritable)
{
    auto bench = running("obey_cancel");
    const agh_req id = bench->services.open();
    ASSERT_GE(bench->invoke(id, "never"), 0);
    ASSERT_EQ(bench->ask("echo").status, AGH_OK);
    bench->plugin->writable(id);
    bench->plugin->cancel(id);
    ASSERT_TRUE(bench->until([&] { return !bench->services.answers(id).empty(); }));
    EXPECT_EQ(bench->services.answers(id).front().status, AGH_E_CANCELLED);
    EXPECT_TRUE(bench->file("cancelled." + std::to_string(id)));
    if (!isolated()) {
        EXPECT_TRUE(bench->file("writable." + std::to_string(id)));
    }
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, SurvivesTenThousandEvents)
{
    auto bench = running();
    const Answer answer = bench->ask("events");
    EXPECT_EQ(answer.status, AGH_OK);
    EXPECT_TRUE(contains(answer.json, "\"taken\":")) << answer.json;
    if (!isolated()) {
        EXPECT_EQ(answer.json, R"({"taken":1000,"busy":9000})");
    }
    EXPECT_EQ(bench->ask("echo", R"({"a":1})").json, R"({"a":1})");
    EXPECT_EQ(bench->stop(), "");
}

TEST_P(Abi, BoundsPostsAndTimers)
{
    auto bench = running();
    EXPECT_EQ(bench->ask("many_posts").json, R"({"posts":"bounded","timers":"bounded"})");
    EXPECT_EQ(bench->ask("echo", R"({"a":1})").json, R"({"a":1})");
    EXPECT_EQ(bench->stop(), "");
}

INSTANTIATE_TEST_SUITE_P(Plugin, Abi, testing::Bool(), where);

} // namespace
