#include "plugins/hub/runs/watchers.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace agenthost::hub;
using HubRun = agenthost::hub::Run;

namespace {

using Seen = std::vector<std::string>;

struct RunWatchersTest : testing::Test {
    RunWatchersTest() { run.id = "r1"; }
    RunWatch watch(const std::string& name)
    {
        return {
            .status = [this, name](
                          const HubRun& r) { seen.push_back(name + " " + std::string{to_string(r.state)}); },
            .output = [this, name](const HubRun&,
                                   const RunChunk& c) { seen.push_back(name + " " + std::string{c.bytes}); },
            .queue = {}};
    }
    void print(std::string_view bytes) { watchers.output(run, run.output.append(1, 0, bytes)); }
    void turn(RunState state)
    {
        run.state = state;
        watchers.status(run);
    }

    HubRun run;
    RunWatchers watchers;
    Seen seen;
};

TEST_F(RunWatchersTest, ANewWatchReceivesTheKeptOutputFirst)
{
    print("abc");
    watchers.add(run, 1, watch("w"));
    EXPECT_EQ(seen, Seen{"w bc"});
    print("d");
    EXPECT_EQ(seen, (Seen{"w bc", "w d"}));
}

TEST_F(RunWatchersTest, AWatchEndsWithItsRun)
{
    watchers.observe(watch("all"));
    const auto number = watchers.add(run, 0, watch("w"));
    turn(RunState::completed);
    turn(RunState::completed);
    EXPECT_EQ(seen, (Seen{"all completed", "w completed", "all completed"}));
    watchers.remove(run.id, number);
    watchers.add(run, 0, watch("late"));
    turn(RunState::completed);
    EXPECT_EQ(seen.back(), "all completed") << "an ended run has no watches";
}

TEST_F(RunWatchersTest, AWatcherMayRemoveItself)
{
    std::uint64_t number = 0;
    number = watchers.add(
        run, 0,
        {.status = [&](const HubRun&) { watchers.remove(run.id, number); }, .output = {}, .queue = {}});
    watchers.add(run, 0, watch("w"));
    turn(RunState::running);
    turn(RunState::running);
    EXPECT_EQ(seen, (Seen{"w running", "w running"}));
}

TEST_F(RunWatchersTest, OnlyObserversAreToldAboutQueues)
{
    Seen queues;
    watchers.observe(
        {.status = {}, .output = {}, .queue = [&](std::string_view agent, std::string_view json) {
             queues.push_back(std::string{agent} + std::string{json});
         }});
    watchers.observe(watch("all"));
    watchers.queue("d1", "[]");
    EXPECT_EQ(queues, Seen{"d1[]"});
    EXPECT_TRUE(seen.empty());
}

} // namespace
