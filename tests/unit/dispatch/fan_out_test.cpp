#include "fixture.hpp"

using namespace agenthost::host;
using namespace agenthost::host::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

struct EventTest : ::testing::Test {
    EventTest()
    {
        w.dispatcher->attach(other);
        w.dispatcher->attach(cli);
        stranger->policy_.allow = {{"host.*"}};
        w.dispatcher->attach(stranger);
    }
    agh_status emit(std::string_view audience, agh_req origin = 0, std::string_view json = R"({"n":1})")
    {
        return w.dispatcher->emit("files", "files.changed", audience, origin, json);
    }
    DispatchFixture w;
    std::shared_ptr<FakeCaller> other = std::make_shared<FakeCaller>("other", "panel"),
                                cli = std::make_shared<FakeCaller>("control", ""),
                                stranger = std::make_shared<FakeCaller>("stranger");
    const std::string said = R"(files.changed {"n":1})";
};

TEST_F(EventTest, GoToEveryServerThatAllowsThePlugin)
{
    EXPECT_EQ(emit("*"), AGH_OK);
    EXPECT_THAT(w.server->events, IsEmpty()) << "on the main thread";
    w.poll();
    EXPECT_THAT(w.server->events, ElementsAre(said));
    EXPECT_THAT(other->events, ElementsAre(said));
    EXPECT_THAT(cli->events, IsEmpty()) << "no server";
    EXPECT_THAT(stranger->events, IsEmpty()) << "its allow list has nothing of this plugin";
}

TEST_F(EventTest, GoToTheServerNamed)
{
    EXPECT_EQ(emit("other"), AGH_OK);
    EXPECT_EQ(emit("nobody"), AGH_OK);
    EXPECT_EQ(emit("stranger"), AGH_OK);
    w.poll();
    EXPECT_THAT(other->events, ElementsAre(said));
    EXPECT_THAT(w.server->events, IsEmpty());
    EXPECT_THAT(stranger->events, IsEmpty());
    EXPECT_EQ(w.dispatcher->stats().dropped_events, 2u);
}

TEST_F(EventTest, GoToTheServerWhoseRequestItWas)
{
    const auto id = w.running("1", "read");
    EXPECT_EQ(emit("", id), AGH_OK);
    w.complete(id); // the request may end before its event is handed on
    w.poll();
    EXPECT_THAT(w.server->events, ElementsAre(said));
    EXPECT_THAT(other->events, IsEmpty());
    EXPECT_EQ(emit("", id), AGH_E_STALE);
    EXPECT_EQ(emit("", 0), AGH_E_STALE);
}

// Plugins start before sessions do.
TEST_F(EventTest, ReachServersThatAreAttachedAfterThePluginsStart)
{
    w.dispatcher->detach(*w.server);
    w.dispatcher->hold_events();
    emit("*");
    emit("server", 0, "2");
    emit("other", 0, "3"); // already attached
    w.poll();
    EXPECT_THAT(other->events, ElementsAre("files.changed 3"));
    w.dispatcher->attach(w.server);
    w.poll();
    EXPECT_THAT(w.server->events, IsEmpty());
    w.dispatcher->release_events();
    EXPECT_THAT(w.server->events, ElementsAre(said, "files.changed 2"));
    EXPECT_THAT(other->events, ElementsAre("files.changed 3", said));
    emit("*", 0, "4");
    emit("nobody", 0, "5");
    w.poll();
    EXPECT_THAT(w.server->events, ElementsAre(said, "files.changed 2", "files.changed 4"));
    EXPECT_EQ(w.dispatcher->stats().dropped_events, 1u) << "nobody is not held for any more";
}

TEST_F(EventTest, OfAStartAreBounded)
{
    w.dispatcher->hold_events();
    for (int i = 0; i < 300; ++i) {
        EXPECT_EQ(emit("*", 0, std::to_string(i)), AGH_OK);
        if (i % 100 == 99) w.poll();
    }
    EXPECT_EQ(w.dispatcher->stats().dropped_events, 44u);
    w.dispatcher->release_events();
    EXPECT_THAT(other->events, SizeIs(256));
    EXPECT_EQ(other->events.front(), "files.changed 44") << "the oldest are dropped";
    const std::string large = '"' + std::string(600 << 10, 'x') + '"';
    w.dispatcher->hold_events();
    for (int i = 0; i < 3; ++i) {
        emit("*", 0, large);
        w.poll();
    }
    EXPECT_EQ(w.dispatcher->stats().dropped_events, 46u) << "1 MiB holds one";
    w.dispatcher->release_events();
    EXPECT_THAT(other->events, SizeIs(257));
}

TEST_F(EventTest, RefuseBrokenOnes)
{
    EXPECT_EQ(emit("*", 0, "{"), AGH_E_INVALID);
    EXPECT_EQ(w.dispatcher->emit("files", "", "*", 0, "{}"), AGH_E_INVALID);
    EXPECT_EQ(emit("*", 0, '"' + std::string(1 << 20, 'x') + '"'), AGH_E_INVALID);
    w.poll();
    EXPECT_THAT(w.server->events, IsEmpty());
}

TEST_F(EventTest, WaitForAPeerThatIsAwayOrSlow)
{
    w.server->here = false;
    emit("server", 0, "1");
    emit("server", 0, "2");
    w.poll();
    EXPECT_THAT(w.server->events, IsEmpty());
    w.server->here = true;
    w.server->takes_events = false;
    w.dispatcher->connected(*w.server);
    EXPECT_THAT(w.server->events, IsEmpty());
    w.server->takes_events = true;
    emit("server", 0, "3");
    w.poll();
    EXPECT_THAT(w.server->events, ElementsAre("files.changed 1", "files.changed 2", "files.changed 3"))
        << "in order";
}

TEST_F(EventTest, LoseTheOldestWhenTheServersQueueIsFullAndAreCounted)
{
    w.server->here = false;
    for (int i = 0; i < 300; ++i) {
        EXPECT_EQ(emit("server", 0, std::to_string(i)), AGH_OK);
        w.poll();
    }
    EXPECT_EQ(w.dispatcher->stats().dropped_events, 44u);
    w.server->here = true;
    w.dispatcher->writable(*w.server);
    ASSERT_THAT(w.server->events, SizeIs(256));
    EXPECT_EQ(w.server->events.front(), "files.changed 44");
    EXPECT_EQ(w.server->events.back(), "files.changed 299");

    w.server->here = false;
    for (int i = 0; i < 3; ++i) {
        emit("server", 0, '"' + std::string(500'000, static_cast<char>('a' + i)) + '"');
        w.poll();
    }
    EXPECT_EQ(w.dispatcher->stats().dropped_events, 45u) << "bounded in bytes as well";
}

TEST_F(EventTest, RefuseAPluginThatEmitsFasterThanTheHostFansOut)
{
    int taken = 0;
    while (emit("*") == AGH_OK && taken < 10'000) ++taken;
    EXPECT_EQ(taken, 256);
    EXPECT_EQ(w.dispatcher->emit("docker", "docker.x", "*", 0, "{}"), AGH_OK)
        << "another plugin has a share of its own";
    w.poll();
    EXPECT_THAT(w.server->events, SizeIs(256)) << "docker has no actions here: nobody allows it";
    EXPECT_EQ(emit("*"), AGH_OK);
}

} // namespace
