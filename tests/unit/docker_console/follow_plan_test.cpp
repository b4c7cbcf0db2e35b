#include "plugins/docker/console/follow_plan.hpp"

#include <gtest/gtest.h>

namespace {

using agenthost::docker::console::FollowPlan;
using Step = FollowPlan::Step;
using Is = FollowPlan::Container;
using namespace std::chrono_literals;

void bring(FollowPlan& plan, std::uint32_t parts)
{
    for (std::uint32_t i = 0; i < parts; ++i) plan.on_part();
}

TEST(FollowPlan, ReadsToTheEndBeforeItFollows)
{
    FollowPlan plan;
    EXPECT_EQ(plan.on_inspected(Is::running), Step::read);
    EXPECT_EQ(plan.tail(0), std::nullopt); // nothing was read before
    bring(plan, 5000);
    EXPECT_EQ(plan.on_end(true), Step::read); // a flood
    EXPECT_EQ(plan.tail(30), 20'030u);        // space for four times as much
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
