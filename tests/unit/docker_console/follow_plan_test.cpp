#include "plugins/docker/console/follow_plan.hpp"

#include <gtest/gtest.h>

namespace {

using agenthost::docker::console::FollowPlan;
using Step = FollowPlan::Step;
using Is = FollowPlan::Container;
using namespace std::chrono_literals;

void bring(FollowPlan& plan, std::uint32_t parts)
{
    for (std::uint32_t i = 0; i < parts; ++i) EXPECT_FALSE(plan.on_part(100));
}

TEST(FollowPlan, ReadsToTheEndBeforeItFollows)
{
    FollowPlan plan;
    EXPECT_EQ(plan.on_inspected(Is::running), Step::read);
    EXPECT_EQ(plan.tail(0), std::nullopt); // nothing was read before
    bring(plan, 2000);
    EXPECT_EQ(plan.on_end(true), Step::gather); // there is probably more
    EXPECT_EQ(plan.on_gathered(), Step::read);
    EXPECT_EQ(plan.tail(30), 8030u); // space for four times as much
    bring(plan, 100);
    EXPECT_EQ(plan.on_end(true), Step::follow);
    EXPECT_EQ(plan.tail(30), 530u);
}

TEST(FollowPlan, AsksForMoreWhenTheNewestDoNotReachBack)
{
    FollowPlan plan;
    EXPECT_EQ(plan.on_inspected(Is::running), Step::read);
    EXPECT_EQ(plan.tail(30), 530u);
    EXPECT_EQ(plan.on_cut(), Step::read);
    EXPECT_EQ(plan.tail(30), 8030u);
    EXPECT_EQ(plan.on_cut(), Step::read);
    EXPECT_EQ(plan.tail(30), 128'030u);
    EXPECT_EQ(plan.on_cut(), Step::read);
    EXPECT_EQ(plan.tail(30), std::nullopt);
    bring(plan, 1);
    EXPECT_EQ(plan.on_end(true), Step::follow);
    EXPECT_EQ(plan.tail(30), 530u);
    EXPECT_EQ(plan.on_cut(), Step::read); // more was printed before it could follow
}

// Newest messages at this rate.
FollowPlan::Newest newest(std::int64_t last_ms, std::int64_t time_ms)
{
    return {FollowPlan::peek_messages, (last_ms - time_ms) * 1'000'000, last_ms * 1'000'000};
}

TEST(FollowPlan, ReadsAFloodForASmallPartOfTheTimeAndTheRestAfterIt)
{
    FollowPlan plan;
    const FollowPlan::Time start{};
    EXPECT_EQ(plan.on_inspected(Is::running), Step::read);
    bring(plan, FollowPlan::burst_messages);
    EXPECT_TRUE(plan.on_part(100));
    EXPECT_EQ(plan.on_flood(start, 100ms), Step::peek);
    EXPECT_EQ(plan.on_peeked(newest(1000, 20), start), Step::rest);
    EXPECT_EQ(plan.on_rested(), Step::peek);
    EXPECT_EQ(plan.on_peeked(newest(2000, 20), start + 1s), Step::rest);
    EXPECT_EQ(plan.on_peeked(newest(4000, 20), start + 3s), Step::read) << "after 30 times the reading";
    EXPECT_EQ(plan.tail(30), std::nullopt) << "from the last position on";
    bring(plan, FollowPlan::burst_messages);
    EXPECT_TRUE(plan.on_part(100));
    EXPECT_EQ(plan.on_flood(start + 4s, 10ms), Step::peek);
    EXPECT_EQ(plan.on_peeked(newest(5000, 20), start + 4s), Step::rest);
    EXPECT_EQ(plan.on_peeked(newest(5500, 100), start + 4500ms), Step::read) << "it is over";
    bring(plan, FollowPlan::backlog_messages);
    EXPECT_EQ(plan.on_end(true), Step::gather);
    EXPECT_EQ(plan.on_gathered(), Step::read);
    bring(plan, FollowPlan::burst_messages);
    EXPECT_TRUE(plan.on_part(100));
}

TEST(FollowPlan, KnowsThatAFloodIsOverWhenNothingNewIsPrinted)
{
    FollowPlan plan;
    const FollowPlan::Time start{};
    plan.on_inspected(Is::running);
    bring(plan, FollowPlan::burst_messages);
    EXPECT_TRUE(plan.on_part(100));
    EXPECT_EQ(plan.on_flood(start, 1s), Step::peek);
    EXPECT_EQ(plan.on_peeked(newest(1000, 20), start), Step::rest);
    EXPECT_EQ(plan.on_peeked(newest(1000, 20), start + 1s), Step::read);
    bring(plan, FollowPlan::backlog_messages);
    EXPECT_TRUE(plan.on_part(100)) << "a backlog has a bound, too";
    EXPECT_EQ(plan.on_flood(start + 10s, 8s), Step::peek);
    EXPECT_EQ(plan.on_peeked(newest(1000, 20), start + 10s), Step::rest) << "it may have begun again";
    EXPECT_EQ(plan.on_peeked(newest(1000, 20), start + 11s), Step::read);
}

TEST(FollowPlan, ReadsOnlyWhatIsKeptOfALogThatWasRotatedMeanwhile)
{
    FollowPlan plan;
    const FollowPlan::Time start{};
    plan.on_inspected(Is::running);
    EXPECT_EQ(plan.on_lost(), Step::read);
    EXPECT_TRUE(plan.lost());
    EXPECT_EQ(plan.tail(30), FollowPlan::kept_messages + 30);
    bring(plan, 10);
    EXPECT_EQ(plan.on_end(true), Step::follow);
    EXPECT_FALSE(plan.lost());

    EXPECT_EQ(plan.on_behind(), Step::read);
    bring(plan, FollowPlan::burst_messages);
    EXPECT_TRUE(plan.on_part(1));
    plan.on_flood(start, 10ms);
    EXPECT_EQ(plan.on_peeked(newest(5000, 20), start + 1s), Step::read);
    EXPECT_EQ(plan.on_lost(), Step::read);
    EXPECT_EQ(plan.tail(30), FollowPlan::burst_messages + 30) << "in a flood, one burst";
    bring(plan, FollowPlan::burst_messages);
    EXPECT_TRUE(plan.on_part(1));
    EXPECT_EQ(plan.on_flood(start + 2s, 10ms), Step::peek);
    EXPECT_FALSE(plan.lost());
    EXPECT_EQ(plan.on_peeked(newest(6000, 20), start + 2s), Step::rest);
    EXPECT_EQ(plan.on_peeked(newest(6000, 20), start + 3s), Step::read) << "it is over";
    EXPECT_EQ(plan.on_lost(), Step::read);
    EXPECT_EQ(plan.tail(30), FollowPlan::kept_messages + 30);
}

TEST(FollowPlan, CountsTheBytesOfAFlood)
{
    FollowPlan plan;
    plan.on_inspected(Is::running);
    EXPECT_FALSE(plan.on_part(FollowPlan::burst_bytes));
    EXPECT_TRUE(plan.on_part(1));
}

TEST(FollowPlan, ReadsAllOfAContainerThatHasEndedInAFlood)
{
    FollowPlan plan;
    plan.on_inspected(Is::ended);
    bring(plan, FollowPlan::backlog_messages + 1);
    EXPECT_EQ(plan.on_end(true), Step::inspect);
}

TEST(FollowPlan, LooksAtTheContainerWhenTheEngineDoesNotShowTheNewestMessages)
{
    FollowPlan plan;
    plan.on_inspected(Is::running);
    bring(plan, FollowPlan::burst_messages);
    EXPECT_TRUE(plan.on_part(1));
    EXPECT_EQ(plan.on_flood({}, 1s), Step::peek);
    EXPECT_EQ(plan.on_end(false), Step::wait);
    EXPECT_EQ(plan.on_inspected(Is::running), Step::read);
}

TEST(FollowPlan, ReadsWhatTheFollowerHasNoticed)
{
    FollowPlan plan;
    plan.on_inspected(Is::running);
    EXPECT_EQ(plan.on_end(true), Step::follow);
    EXPECT_EQ(plan.on_output(), Step::gather);
    EXPECT_EQ(plan.on_gathered(), Step::read);
    bring(plan, 3);
    EXPECT_EQ(plan.on_end(true), Step::follow);
}

TEST(FollowPlan, ReadsAgainWhenTheFollowerIsSilent)
{
    FollowPlan plan;
    plan.on_inspected(Is::running);
    EXPECT_EQ(plan.on_end(true), Step::follow);
    EXPECT_EQ(plan.on_behind(), Step::read);
    bring(plan, 3);
    EXPECT_EQ(plan.on_end(true), Step::follow);
}

TEST(FollowPlan, ReadsAllOfTheRestOfAContainerThatHasEnded)
{
    FollowPlan plan;
    plan.on_inspected(Is::running);
    EXPECT_EQ(plan.on_end(true), Step::follow);
    bring(plan, 1);
    EXPECT_EQ(plan.on_end(true), Step::inspect);
    EXPECT_EQ(plan.on_inspected(Is::ended), Step::read);
    EXPECT_EQ(plan.tail(30), std::nullopt);
    bring(plan, 1);
    EXPECT_EQ(plan.on_end(true), Step::inspect); // it may not have been all
    EXPECT_EQ(plan.on_inspected(Is::ended), Step::read);
    EXPECT_EQ(plan.tail(30), 530u); // a look at the newest is enough
    EXPECT_EQ(plan.on_end(true), Step::inspect);
    EXPECT_EQ(plan.on_inspected(Is::ended), Step::complete);
}

TEST(FollowPlan, FollowsAContainerThatWasStartedAgain)
{
    FollowPlan plan;
    EXPECT_EQ(plan.on_inspected(Is::ended), Step::read);
    EXPECT_EQ(plan.on_end(true), Step::inspect);
    EXPECT_EQ(plan.on_inspected(Is::running), Step::read);
    EXPECT_EQ(plan.on_end(true), Step::follow);
    bring(plan, 1);
    EXPECT_EQ(plan.on_end(true), Step::inspect);
    EXPECT_EQ(plan.on_inspected(Is::ended), Step::read); // not complete: this run's rest was not read
}

TEST(FollowPlan, WaitsLongerEachTimeTheEngineIsAway)
{
    FollowPlan plan;
    EXPECT_EQ(plan.on_inspected(Is::running), Step::read);
    EXPECT_EQ(plan.on_end(false), Step::wait);
    EXPECT_EQ(plan.delay(), 100ms);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(plan.on_inspected(Is::unknown), Step::wait);
    EXPECT_EQ(plan.delay(), 5000ms);
    EXPECT_EQ(plan.on_inspected(Is::running), Step::read);
    bring(plan, 1);
    EXPECT_EQ(plan.on_end(false), Step::wait);
    EXPECT_EQ(plan.delay(), 100ms);
}

TEST(FollowPlan, DoesNotAskWithoutPauseWhenALogKeepsEnding)
{
    FollowPlan plan;
    plan.on_inspected(Is::running);
    EXPECT_EQ(plan.on_end(true), Step::follow);
    EXPECT_EQ(plan.on_end(true), Step::wait);
}

TEST(FollowPlan, OnlyFollowsOnPodmanUntilTheContainerEnds)
{
    FollowPlan plan;
    EXPECT_EQ(plan.on_inspected(Is::running, true), Step::follow);
    EXPECT_EQ(plan.tail(30), std::nullopt);
    bring(plan, 1);
    EXPECT_EQ(plan.on_end(true), Step::inspect);
    EXPECT_EQ(plan.on_inspected(Is::ended, true), Step::read);
    EXPECT_EQ(plan.on_end(true), Step::inspect);
    EXPECT_EQ(plan.on_inspected(Is::ended, true), Step::complete);
}

TEST(FollowPlan, EndsWithAContainerThatIsGone)
{
    FollowPlan plan;
    EXPECT_EQ(plan.on_inspected(Is::absent), Step::complete);
}

} // namespace
