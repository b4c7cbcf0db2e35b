// Results wait for their peer, and reach it in order, once a connection.
#include "fixture.hpp"

using namespace agenthost::host;
using namespace agenthost::host::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

std::vector<std::string> ids(const FakeCaller& caller)
{
    std::vector<std::string> list;
    for (const Got& got : caller.results) list.push_back(got.id);
    return list;
}

TEST(Outbox, KeepsResultsForAPeerThatIsAwayAndSendsThemInOrder)
{
    DispatchFixture w;
    std::vector<agh_req> running;
    for (int i = 0; i < 200; ++i) running.push_back(w.running(std::to_string(i), "write"));
    w.server->here = false;
    std::vector<std::string> order;
    for (int i = 199; i >= 0; --i) {
        w.complete(running[i]);
        order.push_back(std::to_string(i));
    }
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_THAT(w.server->results, IsEmpty());
    EXPECT_EQ(w.dispatcher->stats().dropped_results, 0u);
    w.server->here = true;
    w.dispatcher->connected(*w.server);
    ASSERT_TRUE(w.results(200));
    EXPECT_EQ(ids(*w.server), order) << "oldest first, over several pages";
    w.poll();
    EXPECT_THAT(w.server->results, SizeIs(200));
}

TEST(Outbox, SendsAgainWhatTheLastConnectionDidNotConfirm)
{
    DispatchFixture w;
    w.dispatcher->connected(*w.server);
    for (const char* id : {"a", "b", "c"}) w.complete(w.running(id, "write"));
    ASSERT_TRUE(w.results(3));
    w.dispatcher->delivered(*w.server, w.server->results[1].outbox);
    EXPECT_TRUE(wait_for([&] { return w.journal->stats().undelivered == 2; }));
    w.server->results.clear();
    w.dispatcher->connected(*w.server);
    ASSERT_TRUE(w.results(2));
    EXPECT_THAT(ids(*w.server), ElementsAre("a", "c"));
}

TEST(Outbox, LetsNewResultsWaitForOlderOnesAndDoublesNone)
{
    DispatchFixture w;
    w.server->here = false;
    const auto late = w.running("late", "write");
    for (int i = 0; i < 70; ++i) w.complete(w.running(std::to_string(i), "write"));
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 1; }));
    w.server->here = true;
    w.dispatcher->connected(*w.server);
    w.complete(late); // while the first page is under way
    ASSERT_TRUE(w.results(71));
    w.complete(w.running("last", "write"));
    ASSERT_TRUE(w.results(72));
    EXPECT_EQ(w.server->results[0].id, "0");
    EXPECT_EQ(w.server->results[70].id, "late");
    EXPECT_EQ(w.server->results[71].id, "last");
    std::set<std::string> once;
    for (const auto& id : ids(*w.server)) EXPECT_TRUE(once.insert(id).second) << id << " twice";
}

TEST(Outbox, WaitsForAFullSessionAndGoesOnWhenItIsWritable)
{
    DispatchFixture w;
    w.dispatcher->connected(*w.server);
    w.server->max_results = 2;
    for (const char* id : {"a", "b", "c", "d"}) w.complete(w.running(id, "write"));
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_THAT(ids(*w.server), ElementsAre("a", "b"));
    w.server->max_results = 3;
    w.dispatcher->writable(*w.server);
    ASSERT_TRUE(w.results(3));
    w.server->max_results = 10;
    w.pass(1s); // and without a word from the session within a second
    ASSERT_TRUE(w.results(4));
    EXPECT_THAT(ids(*w.server), ElementsAre("a", "b", "c", "d"));
}

TEST(Outbox, IsEachServersOwnAndSurvivesARestart)
{
    DispatchFixture w;
    auto other = std::make_shared<FakeCaller>("other");
    w.dispatcher->attach(other);
    w.server->here = false;
    w.complete(w.running("1", "write"), reply("1"));
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    w.dispatcher->connected(*other);
    w.restart();
    w.dispatcher->connected(*w.server);
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().data, "1");
    EXPECT_EQ(w.server->last().action, "write");
    EXPECT_THAT(other->results, IsEmpty());
}

TEST(Outbox, GetsWhatADetachedSessionLeftRunning)
{
    DispatchFixture w;
    const auto id = w.running("1", "write");
    w.dispatcher->detach(*w.server);
    w.complete(id, reply("1"));
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_EQ(w.dispatcher->stats().dropped_results, 0u);
    auto newer = std::make_shared<FakeCaller>("server");
    newer->here = false;
    w.dispatcher->attach(newer);
    newer->here = true;
    w.dispatcher->connected(*newer);
    EXPECT_TRUE(w.until([&] { return newer->results.size() == 1; }));
}

TEST(Outbox, TimeoutThatNobodyHeardLeavesTheRealResultInIt)
{
    DispatchFixture w;
    const auto id = w.running("1", "write", "{}", 1s);
    w.server->here = false;
    w.pass(1s);
    w.complete(id, reply("9"));
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    w.server->here = true;
    w.dispatcher->connected(*w.server);
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().data, "9");
}

TEST(Outbox, HoldsInterruptedBackWhileTheServerMayRepeatWhatMayRunAgain)
{
    DispatchFixture w;
    w.running("repeated", "files.sync");
    w.running("forgotten", "files.sync");
    w.running("once", "write");
    w.restart();
    w.dispatcher->connected(*w.server);
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().id, "once") << "it may not run again";
    w.submit("repeated", "files.sync");
    ASSERT_TRUE(w.until([&] { return w.files.invoked.size() == 4; }));
    w.pass(4s);
    w.poll();
    EXPECT_THAT(w.server->results, SizeIs(1));
    w.pass(1s);
    ASSERT_TRUE(w.results(2));
    EXPECT_EQ(w.server->last().id, "forgotten");
    EXPECT_EQ(w.server->last().code, "INTERRUPTED");
    w.complete(w.files.invoked[3].id, reply("5"));
    ASSERT_TRUE(w.results(3));
    EXPECT_EQ(w.server->last().id, "repeated");
    EXPECT_EQ(w.server->last().data, "5");
    w.pass(10s);
    w.poll();
    EXPECT_THAT(w.server->results, SizeIs(3));
}

TEST(Outbox, TellsOfHeldResultsOnTheNextConnection)
{
    DispatchFixture w;
    w.running("1", "files.sync");
    w.restart();
    w.dispatcher->connected(*w.server);
    w.pass(4s);
    w.dispatcher->connected(*w.server);
    w.poll();
    w.pass(4s);
    w.poll();
    EXPECT_THAT(w.server->results, IsEmpty());
    w.pass(1s);
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().code, "INTERRUPTED");
}

} // namespace
