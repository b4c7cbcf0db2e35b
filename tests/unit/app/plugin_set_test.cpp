// Start, reload, failure and stop of the plugins, step by step; plugin_set_random_test.cpp mixes them.
#include "plugin_set_fixture.hpp"

#include <gmock/gmock.h>

using namespace agenthost::host;
using namespace agenthost::host::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

struct Plugins : ::testing::Test, Parts {
    std::vector<PluginChanges> answers;
    int stops = 0;

    void SetUp() override { make(); }
    void apply(const std::vector<PluginConfig>& wanted, const std::vector<FoundPlugin>& on_disk)
    {
        set->apply(wanted, on_disk, "/plugins", [this](const PluginChanges& c) { answers.push_back(c); });
    }
    void stop()
    {
        set->stop(1s, [this] { ++stops; });
    }
    void run(const std::string& id, const PluginConfig& config)
    {
        apply({config}, {found(id)});
        of(id)->finish_start({});
        answers.clear();
    }
    PluginStatus status()
    {
        const auto all = set->status();
        return all.empty() ? PluginStatus{} : all.front();
    }
};

TEST_F(Plugins, StartsEachPluginOnceWhenReloadedDuringTheStart)
{
    apply({enabled("echo")}, {found("echo")});
    apply({enabled("echo")}, {found("echo")});
    poll();
    EXPECT_THAT(living, SizeIs(1));
    EXPECT_THAT(answers, IsEmpty()) << "the reload waits";
    of("echo")->finish_start({});
    ASSERT_THAT(answers, SizeIs(2));
    EXPECT_THAT(answers[1].failed, IsEmpty());
    EXPECT_NE(action("echo.go"), nullptr);
    EXPECT_THAT(living, SizeIs(1));
}

TEST_F(Plugins, CloseWaitsForAPluginThatAReloadStops)
{
    run("echo", enabled("echo"));
    apply({}, {found("echo")});
    EXPECT_EQ(of("echo")->state, PluginState::draining);
    stop();
    poll();
    EXPECT_EQ(stops, 0) << "it still stops";
    ASSERT_THAT(answers, SizeIs(1)) << "the reload is answered";
    EXPECT_THAT(answers[0].failed, ElementsAre(HasSubstr("the daemon is stopping")));
    of("echo")->finish_stop({});
    poll();
    EXPECT_EQ(stops, 1);
    EXPECT_THAT(living, IsEmpty());
}

TEST_F(Plugins, CloseWaitsForAPluginThatStarts)
{
    apply({enabled("echo")}, {found("echo")});
    stop();
    poll();
    EXPECT_EQ(stops, 0);
    of("echo")->finish_start({});
    EXPECT_EQ(action("echo.go"), nullptr) << "nothing is offered any more";
    of("echo")->finish_stop({});
    poll();
    EXPECT_EQ(stops, 1);
    EXPECT_THAT(answers, SizeIs(1));
}

TEST_F(Plugins, IgnoresCallbacksAfterItsDestruction)
{
    apply({enabled("echo"), enabled("other")}, {found("echo"), found("other")});
    of("other")->finish_start({});
    apply({}, {});
    const auto started = of("echo")->starting;
    const auto stopped = of("other")->stopping.at(0);
    set.reset();
    started({});
    stopped({});
    poll();
    EXPECT_THAT(answers, IsEmpty());
}

TEST_F(Plugins, ReloadStartsAPluginThatFailedToConfigure)
{
    run("echo", enabled("echo"));
    apply({enabled("echo", R"({"a":1})")}, {found("echo")});
    of("echo")->finish_configure("configure() did not return within 10 s", true);
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_THAT(answers[0].failed, ElementsAre(HasSubstr("did not return")));
    EXPECT_EQ(status().state, PluginState::failed);
    apply({enabled("echo", R"({"a":1})")}, {found("echo")});
    ASSERT_NE(of("echo"), nullptr);
    EXPECT_EQ(of("echo")->state, PluginState::starting) << "a new try";
    EXPECT_THAT(answers, SizeIs(1)) << "not answered before it runs";
    of("echo")->finish_start({});
    EXPECT_THAT(answers, SizeIs(2));
    EXPECT_NE(action("echo.go"), nullptr);
}

TEST_F(Plugins, TellsCallersWhichPluginFailed)
{
    apply({enabled("echo"), enabled("absent")}, {found("echo")});
    EXPECT_THAT(registry.missing("echo.go", "storage", {})->why, HasSubstr("is starting"));
    of("echo")->finish_start("port 80 is in use");
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_THAT(answers[0].failed, SizeIs(2)) << "the reload fails";
    EXPECT_EQ(action("echo.go"), nullptr);
    const auto missing = registry.missing("echo.go", "storage", {});
    ASSERT_TRUE(missing);
    EXPECT_EQ(missing->plugin, "echo");
    EXPECT_THAT(missing->why, HasSubstr("port 80 is in use"));
    EXPECT_THAT(registry.missing("absent.do", "storage", {})->why,
                HasSubstr("no absent.manifest.json lies in"));
    EXPECT_FALSE(registry.missing("other.do", "storage", {}));
    apply({}, {});
    EXPECT_FALSE(registry.missing("echo.go", "storage", {})) << "nobody expects it any more";
}

TEST_F(Plugins, RestartsTheRunnerForANewFileOrAsksForADaemonRestart)
{
    apply({enabled("inner"), enabled("outer", "{}", true)}, {found("inner"), found("outer")});
    of("inner")->finish_start({});
    of("outer")->finish_start({});
    answers.clear();
    apply({enabled("inner"), enabled("outer", "{}", true)},
          {found("inner", "2.0.0"), found("outer", "2.0.0")});
    EXPECT_EQ(of("inner")->state, PluginState::running);
    of("outer")->finish_stop({});
    EXPECT_EQ(of("outer")->identity, "/plugins/outer.so 2.0.0");
    of("outer")->finish_start({});
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_THAT(answers[0].notices, ElementsAre(HasSubstr("Restart agenthost")));
    EXPECT_THAT(answers[0].changes, ElementsAre("plugin outer: restarted"));
    EXPECT_EQ(status().version, "1.0.0");
    EXPECT_EQ(status().disk_version, "2.0.0");
}

TEST_F(Plugins, KeepsPluginsRunningWhenTheirFilesAreGone)
{
    run("echo", enabled("echo", "{}", true));
    apply({enabled("echo", "{}", true)}, {});
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_THAT(answers[0].failed, ElementsAre(HasSubstr("The plugin goes on running as it was loaded")));
    EXPECT_NE(action("echo.go"), nullptr);
}

TEST_F(Plugins, ReportsAStuckPluginUntilItIsFree)
{
    run("echo", enabled("echo"));
    of("echo")->hold(true);
    EXPECT_EQ(status().state, PluginState::stuck);
    EXPECT_THAT(set->problems(), ElementsAre("plugin echo: weather.hang did not end"));
    set->check_health();
    EXPECT_THAT(set->problems(), SizeIs(1)) << "its own health check does not know";
    EXPECT_NE(action("echo.go"), nullptr);
    of("echo")->hold(false);
    EXPECT_EQ(status().state, PluginState::running);
    EXPECT_THAT(set->problems(), IsEmpty());
}

TEST_F(Plugins, KeepsActionsRegisteredWhileADeadRunnerRestarts)
{
    run("echo", enabled("echo", "{}", true));
    of("echo")->die(true);
    EXPECT_NE(action("echo.go"), nullptr) << "so that it is answered BUSY";
    EXPECT_THAT(set->problems(), SizeIs(1));
    of("echo")->come_back();
    EXPECT_THAT(set->problems(), IsEmpty());
}

} // namespace
