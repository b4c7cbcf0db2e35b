// A command that its plugin left unfinished runs again when the plugin is back, and its server gets one answer.
#include "fixture.hpp"

#include "host/dispatch/reruns.hpp"

using namespace agenthost::host;
using namespace agenthost::host::testing;
using agenthost::wire::Outcome;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

class RerunsTest : public ::testing::Test {
protected:
    RerunsTest() { w.dispatcher->connected(*w.server); }

    // As a plugin answers that is reloaded while it works.
    void interrupt(agh_req id)
    {
        EXPECT_EQ(w.complete(id, reply(R"({"code":"INTERRUPTED","message":"the agent stops"})",
                                       AGH_E_INTERNAL, AGH_REPLY_UNKNOWN)),
                  AGH_OK);
        EXPECT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    }
    void back() { w.dispatcher->plugin_back("files"); }
    bool invoked(std::size_t times)
    {
        return w.until([&] { return w.files.invoked.size() == times; });
    }

    DispatchFixture w;
};

TEST_F(RerunsTest, AReloadIsFollowedByTheRealAnswer)
{
    interrupt(w.running("1", "files.sync", R"({"n":1})"));
    EXPECT_THAT(w.server->results, IsEmpty());
    w.pass(10s);
    EXPECT_THAT(w.server->results, IsEmpty());
    back();
    ASSERT_TRUE(invoked(2));
    const auto& again = w.files.invoked[1];
    EXPECT_EQ(again.flags, std::uint32_t{AGH_REQUEST_REPEAT});
    EXPECT_EQ(again.params, R"({"n":1})");
    EXPECT_EQ(again.caller, w.files.invoked[0].caller);
    w.complete(again.id, reply("5"));
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().id, "1");
    EXPECT_EQ(w.server->last().data, "5");
    back();
    w.pass(60s);
    w.poll();
    EXPECT_THAT(w.server->results, SizeIs(1));
    EXPECT_THAT(w.files.invoked, SizeIs(2));
    w.submit("1", "files.sync", R"({"n":1})");
    ASSERT_TRUE(w.results(2));
    EXPECT_EQ(w.server->last().data, "5") << "the answer is the journal's";
}

TEST_F(RerunsTest, APluginMayBeBackBeforeTheRowIsOnTheDisk)
{
    for (int i = 0; i < 50; ++i) {
        const std::string id = std::to_string(i);
        const std::size_t before = w.files.invoked.size();
        w.complete(w.running(id, "files.sync"),
                   reply(R"({"code":"INTERRUPTED","message":"stops"})", AGH_E_INTERNAL, AGH_REPLY_UNKNOWN));
        w.poll();
        back();
        ASSERT_TRUE(invoked(before + 2));
        w.complete(w.files.invoked.back().id, reply(id));
        ASSERT_TRUE(w.results(i + 1));
        EXPECT_EQ(w.server->last().data, id);
    }
}

TEST_F(RerunsTest, APluginThatStaysAwayLeavesInterrupted)
{
    interrupt(w.running("1", "files.sync"));
    w.pass(Reruns::keep_time - 1s);
    w.poll();
    EXPECT_THAT(w.server->results, IsEmpty());
    w.pass(1s);
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().code, "INTERRUPTED");
    back();
    w.poll();
    EXPECT_THAT(w.files.invoked, SizeIs(1)) << "its server has an answer";
}

TEST_F(RerunsTest, WhatMayNotRunAgainIsToldAtOnce)
{
    interrupt(w.running("1", "write"));
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().code, "INTERRUPTED");
    back();
    w.poll();
    EXPECT_THAT(w.files.invoked, SizeIs(1));
}

TEST_F(RerunsTest, APersonIsToldAtOnce)
{
    w.server->policy_.by_operator = true;
    interrupt(w.running("1", "files.sync"));
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().code, "INTERRUPTED");
}

TEST_F(RerunsTest, ACrashOfTheRunnerIsAReloadOnce)
{
    w.running("1", "files.sync");
    w.dispatcher->plugin_gone(w.files, "killed by signal 9");
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_THAT(w.server->results, IsEmpty());
    back();
    ASSERT_TRUE(invoked(2));
    w.dispatcher->plugin_gone(w.files, "killed by signal 9");
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().outcome, Outcome::unknown);
    EXPECT_EQ(w.server->last().code, "INTERNAL");
    back();
    w.poll();
    EXPECT_THAT(w.files.invoked, SizeIs(2));
}

TEST_F(RerunsTest, AServerThatRepeatsMeanwhileGetsTheSameAnswer)
{
    interrupt(w.running("1", "files.sync"));
    w.files.on_invoke = [](const agh_request&, agh_error& error) {
        error.status = AGH_E_BUSY;
        return AGH_E_BUSY;
    };
    w.submit("1", "files.sync");
    ASSERT_TRUE(invoked(2));
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_THAT(w.server->results, IsEmpty())
        << "BUSY says that nothing was done, but the first run may have";
    w.files.on_invoke = nullptr;
    back();
    ASSERT_TRUE(invoked(3));
    w.submit("1", "files.sync"); // attaches
    w.complete(w.files.invoked[2].id, reply("5"));
    ASSERT_TRUE(w.results(1));
    w.pass(60s);
    w.poll();
    ASSERT_THAT(w.server->results, SizeIs(1));
    EXPECT_EQ(w.server->last().data, "5");
}

TEST_F(RerunsTest, AReconnectInBetweenChangesNothing)
{
    interrupt(w.running("1", "files.sync"));
    w.server->here = false;
    w.registry.remove(w.files); // while a plugin is replaced
    w.pass(5s);
    w.server->here = true;
    w.dispatcher->connected(*w.server);
    w.pass(10s);
    w.poll();
    EXPECT_THAT(w.server->results, IsEmpty());
    EXPECT_THAT(w.registry.add(w.files, w.files.shared()), IsEmpty());
    back();
    ASSERT_TRUE(invoked(2));
    w.complete(w.files.invoked[1].id, reply("5"));
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().data, "5");
}

TEST_F(RerunsTest, AnotherPluginsReturnOrAnotherManifestRunsNothing)
{
    interrupt(w.running("1", "files.sync"));
    w.dispatcher->plugin_back("other");
    w.poll();
    EXPECT_THAT(w.files.invoked, SizeIs(1));
    w.registry.remove(w.files);
    back();
    w.poll();
    EXPECT_THAT(w.files.invoked, SizeIs(1));
    w.pass(Reruns::keep_time);
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().code, "INTERRUPTED");
}

TEST_F(RerunsTest, WhatIsBeyondTheBoundIsToldAtOnce)
{
    constexpr std::size_t more = 4;
    w.server->policy_.in_flight = 2 * Reruns::max_commands;
    for (std::size_t i = 0; i < Reruns::max_commands + more; ++i) w.submit(std::to_string(i), "files.sync");
    ASSERT_TRUE(invoked(Reruns::max_commands + more));
    for (const auto& one : std::vector{w.files.invoked})
        w.complete(one.id,
                   reply(R"({"code":"INTERRUPTED","message":"stops"})", AGH_E_INTERNAL, AGH_REPLY_UNKNOWN));
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    ASSERT_TRUE(w.results(more));
    w.poll();
    EXPECT_THAT(w.server->results, SizeIs(more));
    back();
    EXPECT_TRUE(invoked(2 * Reruns::max_commands + more));
}

} // namespace
