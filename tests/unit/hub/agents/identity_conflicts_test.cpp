// Two machines with one identity.
#include "plugins/hub/agents/identity_conflicts.hpp"

#include <gtest/gtest.h>

using agenthost::hub::IdentityConflicts;
using namespace std::chrono_literals;

namespace {

struct IdentityConflictsTest : testing::Test {
    IdentityConflicts::Verdict meet(const std::string& newcomer, const std::string& present,
                                    const std::string& agent = "a")
    {
        return conflicts.meet(agent, newcomer, present, now, 1'000);
    }
    void begin() // a conflict of "one" and "two"; "two" is connected
    {
        for (std::size_t i = 0; i < IdentityConflicts::threshold; ++i) {
            meet(i % 2 == 0 ? "one" : "two", i % 2 == 0 ? "two" : "one");
            now += 1s;
        }
    }
    IdentityConflicts conflicts;
    IdentityConflicts::Time now = IdentityConflicts::Time{} + 10h;
};

TEST_F(IdentityConflictsTest, OccasionalTakeoversAreNormal)
{
    for (int i = 0; i < 50; ++i) {
        const auto verdict = meet("same", "same");
        EXPECT_EQ(verdict.wait.count(), 0);
        EXPECT_EQ(verdict.conflict, nullptr);
        now += 4min;
    }
    EXPECT_EQ(conflicts.find("a", now), nullptr);
}

TEST_F(IdentityConflictsTest, ManyTakeoversInAShortTimeAreReportedOnce)
{
    for (std::size_t i = 1; i < IdentityConflicts::threshold; ++i) EXPECT_FALSE(meet("one", "two").noticed);
    const auto verdict = meet("one", "two");
    EXPECT_TRUE(verdict.noticed);
    EXPECT_EQ(verdict.wait.count(), 0) << "this one still takes over";
    const IdentityConflicts::Conflict* conflict = conflicts.find("a", now);
    ASSERT_NE(conflict, nullptr);
    EXPECT_EQ(conflict->since, 1'000);
    EXPECT_EQ(conflict->takeovers, IdentityConflicts::threshold);
    EXPECT_EQ(conflict->peers[0], "one") << "the connected one first";
    EXPECT_EQ(conflict->peers[1], "two");
    EXPECT_EQ(conflicts.find("b", now), nullptr);
}

TEST_F(IdentityConflictsTest, ANewcomerWaitsLongerAfterEachTakeover)
{
    begin();
    auto expected = std::chrono::seconds{IdentityConflicts::first_hold};
    now -= 1s;
    for (int round = 0; round < 8; ++round) {
        EXPECT_EQ(meet("one", "two").wait, expected) << round;
        now += expected - 1s;
        EXPECT_EQ(meet("one", "two").wait, 1s) << round;
        now += 1s;
        const auto taken = meet("one", "two");
        EXPECT_EQ(taken.wait, 0s) << "it may be a legitimate replacement";
        EXPECT_FALSE(taken.noticed);
        EXPECT_NE(taken.conflict, nullptr);
        expected = std::min<std::chrono::seconds>(expected * 2, IdentityConflicts::max_hold);
    }
    EXPECT_EQ(conflicts.find("a", now)->refused, 16U);
}

TEST_F(IdentityConflictsTest, AConflictEndsWhenOneAgentStaysAway)
{
    begin();
    EXPECT_NE(conflicts.find("a", now), nullptr);
    now += IdentityConflicts::over_after + 1s;
    EXPECT_EQ(conflicts.find("a", now), nullptr);
    EXPECT_EQ(meet("one", "two").conflict, nullptr) << "counted from the start again";
}

TEST_F(IdentityConflictsTest, RemembersABoundedNumberOfIdentities)
{
    begin();
    for (std::size_t i = 0; i < IdentityConflicts::max_identities - 1; ++i) meet("x", "y", std::to_string(i));
    EXPECT_EQ(conflicts.size(), IdentityConflicts::max_identities);
    EXPECT_NE(conflicts.find("a", now), nullptr);
    meet("x", "y", "one more");
    EXPECT_EQ(conflicts.size(), IdentityConflicts::max_identities);
    EXPECT_EQ(conflicts.find("a", now), nullptr) << "the one that was quiet for longest";
}

} // namespace
