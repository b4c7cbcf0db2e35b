#include "fixture.hpp"

using namespace agenthost::host;
using namespace agenthost::host::testing;
using agenthost::wire::Outcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

namespace {

TEST(Deadline, AnswersAtOnceAndKeepsTheIdUntilComplete)
{
    DispatchFixture w;
    const auto id = w.running("1", "read", "{}", 1s);
    w.pass(999ms);
    EXPECT_THAT(w.server->results, IsEmpty());
    EXPECT_FALSE(w.dispatcher->cancelled(id));
    w.pass(1ms);
    ASSERT_EQ(w.server->results.size(), 1u);
    EXPECT_EQ(w.server->last().code, "TIMEOUT");
    EXPECT_THAT(w.server->last().message, HasSubstr("within 1 s"));
    EXPECT_THAT(w.files.cancelled, ElementsAre(id));
    EXPECT_TRUE(w.dispatcher->cancelled(id));
    EXPECT_EQ(w.in_flight(), 1u);
    EXPECT_EQ(w.dispatcher->stream("files", id, 1, 0, "late"), AGH_E_DEADLINE);
    EXPECT_EQ(w.dispatcher->progress("files", id, "{}"), AGH_E_DEADLINE);
    EXPECT_EQ(w.complete(id), AGH_E_DEADLINE);
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_EQ(w.complete(id), AGH_E_STALE);
    EXPECT_THAT(w.server->results, SizeIs(1)) << "one answer";
    EXPECT_THAT(w.files.unhealthy, IsEmpty());
    EXPECT_EQ(w.dispatcher->stats().timed_out, 1u);
    EXPECT_THAT(w.finished, ElementsAre("files.read TIMEOUT"));
}

TEST(Deadline, FreesTheSlotAfterTheGraceAndCallsThePluginUnhealthy)
{
    DispatchFixture w;
    w.server->policy_.cancel_grace = 30s;
    const auto id = w.running("1", "read", "{}", 1s);
    w.pass(1s);
    w.pass(29'999ms);
    EXPECT_EQ(w.in_flight(), 1u);
    EXPECT_THAT(w.files.unhealthy, IsEmpty());
    w.pass(1ms);
    EXPECT_EQ(w.in_flight(), 0u);
    ASSERT_THAT(w.files.unhealthy, SizeIs(1));
    EXPECT_THAT(w.files.unhealthy[0], HasSubstr("files.read did not end within 30 s"));
    EXPECT_THAT(w.files.unhealthy[0], Not(HasSubstr("isolation")))
        << "the plugin knows what can be done about it";
    EXPECT_EQ(w.complete(id), AGH_E_STALE);
    EXPECT_THAT(w.server->results, SizeIs(1));
}

TEST(Deadline, LetsACompletionThatCameFirstWin)
{
    DispatchFixture w;
    const auto id = w.running("1", "read", "{}", 1s);
    EXPECT_EQ(w.complete(id), AGH_OK); // on its way to the main thread
    w.now += 2s;
    w.dispatcher->tick();
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().outcome, Outcome::success);
    EXPECT_EQ(w.dispatcher->stats().timed_out, 0u);
}

TEST(Deadline, OfManyEndsEachInItsTime)
{
    DispatchFixture w;
    for (int i = 1; i <= 50; ++i)
        w.running(std::to_string(i), "read", "{}", std::chrono::seconds{(i * 17) % 51 + 1});
    for (int s = 1; s <= 52; ++s) {
        w.pass(1s);
        for (const Got& got : w.server->results) EXPECT_LE((std::stoi(got.id) * 17) % 51 + 1, s);
    }
    EXPECT_EQ(w.server->results.size(), 50u);
}

TEST(Deadline, FiresByTheDispatchersOwnTimer)
{
    Registry registry;
    boost::asio::io_context io;
    TempDir dir;
    Journal journal{io.get_executor(), {.file = dir / "j"}};
    Dispatcher dispatcher{io.get_executor(), registry, journal, {}};
    FakePlugin slow{"slow"};
    slow.action("slow.go");
    registry.add(slow, slow.shared());
    auto caller = std::make_shared<FakeCaller>("s");
    dispatcher.attach(caller);
    dispatcher.submit(*caller,
                      {.id = "1", .action = "slow.go", .params = "{}", .target = {}, .timeout = 20ms});
    dispatcher.submit(*caller,
                      {.id = "2", .action = "slow.go", .params = "{}", .target = {}, .timeout = 5ms});
    EXPECT_TRUE(wait_for([&] {
        io.restart();
        io.poll();
        return caller->results.size() == 2;
    }));
    EXPECT_EQ(caller->results[0].id, "2");
}

TEST(Cancel, AnswersAtOnceTellsThePluginAndWaitsTheGrace)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    const auto other = w.running("2", "read");
    w.dispatcher->cancel(*w.server, "1");
    ASSERT_EQ(w.server->results.size(), 1u);
    EXPECT_EQ(w.server->last().id, "1");
    EXPECT_EQ(w.server->last().code, "CANCELLED");
    EXPECT_THAT(w.files.cancelled, ElementsAre(id));
    EXPECT_FALSE(w.dispatcher->cancelled(other));
    w.dispatcher->cancel(*w.server, "1");
    w.dispatcher->cancel(*w.server, "none");
    w.dispatcher->cancel(*w.server, "");
    EXPECT_THAT(w.files.cancelled, SizeIs(1)) << "told once";
    EXPECT_EQ(w.complete(id), AGH_E_CANCELLED);
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 1; }));
    EXPECT_THAT(w.server->results, SizeIs(1));
    EXPECT_EQ(w.dispatcher->stats().cancelled, 1u);

    w.dispatcher->cancel(*w.server, "2");
    w.pass(30s);
    EXPECT_EQ(w.in_flight(), 0u);
    EXPECT_THAT(w.files.unhealthy, SizeIs(1));
}

TEST(Cancel, ReachesOnlyTheCallersOwn)
{
    DispatchFixture w;
    w.running("1", "read");
    auto other = std::make_shared<FakeCaller>("other");
    w.dispatcher->attach(other);
    w.dispatcher->cancel(*other, "1");
    EXPECT_THAT(w.files.cancelled, IsEmpty());
}

TEST(PluginGone, EndsItsRequestsAndNoOthers)
{
    DispatchFixture w;
    FakePlugin other{"other"};
    other.action("other.go");
    w.registry.add(other, other.shared());
    const auto id = w.running("1", "read");
    w.submit("2", "other.go");
    w.registry.remove(w.files);
    w.dispatcher->plugin_gone(w.files, "killed by signal 9");
    ASSERT_EQ(w.server->results.size(), 1u);
    EXPECT_EQ(w.server->last().id, "1");
    EXPECT_EQ(w.server->last().code, "INTERNAL");
    EXPECT_EQ(w.server->last().outcome, Outcome::error);
    EXPECT_THAT(w.server->last().message,
                HasSubstr("plugin files stopped while files.read was running: killed by signal 9"));
    EXPECT_EQ(w.complete(id), AGH_E_STALE);
    EXPECT_EQ(w.in_flight(), 1u);
    w.submit("3", "read");
    EXPECT_EQ(w.server->last().code, "UNKNOWN_ACTION");
}

TEST(PluginGone, IsNotAskedAgainAfterADeadline)
{
    DispatchFixture w;
    w.running("1", "read", "{}", 1s);
    w.pass(1s);
    w.dispatcher->plugin_gone(w.files, "gone");
    w.files.cancelled.clear();
    w.pass(100s);
    EXPECT_THAT(w.files.unhealthy, IsEmpty());
    EXPECT_THAT(w.server->results, SizeIs(1));
    EXPECT_EQ(w.in_flight(), 0u);
}

} // namespace
