// Two machines with one identity.
#include "plugins/hub/agents/contests.hpp"

#include <gtest/gtest.h>

using agenthost::hub::Contests;
using namespace std::chrono_literals;

namespace {

struct ContestsTest : testing::Test {
    Contests::Verdict meet(const std::string& newcomer, const std::string& present,
                           const std::string& agent = "a")
    {
        return contests.meet(agent, newcomer, present, now, 1'000);
    }
    void begin() // a contest of "one" and "two"; "two" is connected
    {
        for (std::size_t i = 0; i < Contests::enough; ++i) {
            meet(i % 2 == 0 ? "one" : "two", i % 2 == 0 ? "two" : "one");
            now += 1s;
        }
    }
    Contests contests;
    Contests::Time now = Contests::Time{} + 10h;
};

TEST_F(ContestsTest, OccasionalTakeoversAreNormal)
{
    for (int i = 0; i < 50; ++i) {
        const auto verdict = meet("same", "same");
        EXPECT_EQ(verdict.wait.count(), 0);
        EXPECT_EQ(verdict.contest, nullptr);
        now += 4min;
    }
    EXPECT_EQ(contests.find("a", now), nullptr);
}

TEST_F(ContestsTest, ManyTakeoversInAShortTimeAreReportedOnce)
{
    for (std::size_t i = 1; i < Contests::enough; ++i) EXPECT_FALSE(meet("one", "two").noticed);
    const auto verdict = meet("one", "two");
    EXPECT_TRUE(verdict.noticed);
    EXPECT_EQ(verdict.wait.count(), 0) << "this one still takes over";
    const Contests::Contest* contest = contests.find("a", now);
    ASSERT_NE(contest, nullptr);
    EXPECT_EQ(contest->since, 1'000);
    EXPECT_EQ(contest->takeovers, Contests::enough);
    EXPECT_EQ(contest->peers[0], "one") << "the connected one first";
    EXPECT_EQ(contest->peers[1], "two");
    EXPECT_EQ(contests.find("b", now), nullptr);
}

TEST_F(ContestsTest, ANewcomerWaitsLongerAfterEachTakeover)
{
    begin();
    auto expected = std::chrono::seconds{Contests::first_hold};
    now -= 1s;
    for (int round = 0; round < 8; ++round) {
        EXPECT_EQ(meet("one", "two").wait, expected) << round;
        now += expected - 1s;
        EXPECT_EQ(meet("one", "two").wait, 1s) << round;
        now += 1s;
        const auto taken = meet("one", "two");
        EXPECT_EQ(taken.wait, 0s) << "it may be a legitimate replacement";
        EXPECT_FALSE(taken.noticed);
        EXPECT_NE(taken.contest, nullptr);
        expected = std::min<std::chrono::seconds>(expected * 2, Contests::max_hold);
    }
    EXPECT_EQ(contests.find("a", now)->refused, 16U);
}

TEST_F(ContestsTest, AContestEndsWhenOneAgentStaysAway)
{
    begin();
    EXPECT_NE(contests.find("a", now), nullptr);
    now += Contests::over_after + 1s;
    EXPECT_EQ(contests.find("a", now), nullptr);
    EXPECT_EQ(meet("one", "two").contest, nullptr) << "counted from the start again";
}

TEST_F(ContestsTest, RemembersABoundedNumberOfIdentities)
{
    begin();
    for (std::size_t i = 0; i < Contests::max_identities - 1; ++i) meet("x", "y", std::to_string(i));
    EXPECT_EQ(contests.size(), Contests::max_identities);
    EXPECT_NE(contests.find("a", now), nullptr);
    meet("x", "y", "one more");
    EXPECT_EQ(contests.size(), Contests::max_identities);
    EXPECT_EQ(contests.find("a", now), nullptr) << "the one that was quiet for longest";
}

} // namespace
