// The rows of game servers on disk.
#include "plugins/hub/store/servers.hpp"

#include "base/sqlite.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <future>

using namespace agenthost::hub;
using agenthost::test::TempDir;

namespace {

class StoreServersTest : public testing::Test {
protected:
    StoreServers::Loaded reopen(const std::function<void(StoreServers&)>& work = {})
    {
        Store::Loaded loaded;
        Store store{(dir / "hub.db").string(), {1'000}, 100, 0, loaded};
        StoreServers::Loaded rows;
        StoreServers servers{store, rows};
        store.start();
        if (work) work(servers);
        store.stop();
        return rows;
    }
    TempDir dir;
};

TEST_F(StoreServersTest, KeepsWhatServersShouldDo)
{
    EXPECT_TRUE(
        reopen([](StoreServers& s) {
            s.save({.agent = "n1",
                    .id = "a",
                    .name = "A",
                    .image = "i",
                    .desired = DesiredState::running,
                    .created = 5,
                    .updated = 5});
            s.save({.agent = "n1", .id = "b", .desired = DesiredState::stopped, .created = 6, .updated = 6});
            s.save({.agent = "n1",
                    .id = "a",
                    .name = "A2",
                    .image = "i",
                    .desired = DesiredState::stopped,
                    .created = 9,
                    .updated = 9});
            s.remove("n1", "b");
            s.remove("n2", "a");
        }).empty());
    const auto rows = reopen();
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].id, "a");
    EXPECT_EQ(rows[0].name, "A2");
    EXPECT_EQ(rows[0].desired, DesiredState::stopped);
    EXPECT_EQ(rows[0].created, 5) << "the first one";
    EXPECT_EQ(rows[0].updated, 9);
    EXPECT_FALSE(rows[0].lease) << "nobody holds it";
}

TEST_F(StoreServersTest, ALeaseSurvivesAChangeOfTheState)
{
    reopen([](StoreServers& s) { s.save({.agent = "n1", .id = "a", .desired = DesiredState::running}); });
    agenthost::base::Database{(dir / "hub.db").string()}.exec(
        "UPDATE servers SET lease='hub-1', lease_until=77");
    reopen([](StoreServers& s) { s.save({.agent = "n1", .id = "a", .desired = DesiredState::stopped}); });
    const auto rows = reopen();
    EXPECT_EQ(rows.at(0).lease, "hub-1");
    EXPECT_EQ(rows.at(0).lease_until, 77);
    EXPECT_EQ(rows.at(0).desired, DesiredState::stopped);
}

TEST(DesiredStateWords, AreReadAsTheyAreWritten)
{
    for (const DesiredState state : {DesiredState::none, DesiredState::stopped, DesiredState::running})
        EXPECT_EQ(desired_state(to_string(state)), state);
    EXPECT_EQ(desired_state("what a later hub writes"), DesiredState::none);
}

} // namespace
