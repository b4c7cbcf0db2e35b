#include "wire/session/takeovers.hpp"

#include <gtest/gtest.h>

#include <vector>

using namespace agenthost::wire;
using namespace std::chrono_literals;

namespace {

constexpr const char* replaced = "replaced by a newer session of this agent";
constexpr std::int64_t minute_ms = 60'000;

TEST(Takeovers, KnowTheReasonsThatServersGive)
{
    for (const char* reason : {replaced, "Superseded", "duplicate", "Duplicate connection",
                               "Logged in elsewhere", "session taken over", "A newer connection exists"})
        EXPECT_TRUE(Takeovers::says_replaced(reason)) << reason;
    for (const char* reason :
         {"", "shutting down", "invalid_signature", "duplicate_nonce", "token replayed", "revoked"})
        EXPECT_FALSE(Takeovers::says_replaced(reason)) << reason;
}

TEST(Takeovers, AreAConflictFromTheSecondOneOn)
{
    Takeovers takeovers;
    takeovers.ended(0, 5000, 1000, replaced);
    EXPECT_FALSE(takeovers.in_conflict(0));
    EXPECT_EQ(takeovers.pause(), 0ms);
    takeovers.ended(minute_ms, 5000, 1000, replaced);
    EXPECT_TRUE(takeovers.proven(minute_ms));
    EXPECT_TRUE(takeovers.in_conflict(minute_ms));
    EXPECT_EQ(takeovers.pause(), 30s);
}

// Our hub says it the first time, and how long a newcomer should wait.
TEST(Takeovers, BelieveAServerThatCallsItAnIdentityInUse)
{
    Takeovers takeovers;
    takeovers.ended(0, 0, 1013,
                    "identity in use: another machine is connected as this agent; retry in 900 s");
    EXPECT_TRUE(takeovers.proven(0));
    EXPECT_EQ(takeovers.pause(), 900s);
    takeovers.ended(minute_ms, 0, 1013,
                    "identity in use: another machine is connected as this agent; retry in 1 s");
    EXPECT_EQ(takeovers.pause(), 60s);
    takeovers.ended(minute_ms, 0, 1013, "identity in use; retry in 99999999 s");
    EXPECT_EQ(takeovers.pause(), 1200s);
}

TEST(Takeovers, WaitTwiceAsLongEachTimeUpToTenMinutes)
{
    Takeovers takeovers;
    std::int64_t now = 0;
    std::vector<std::int64_t> pauses;
    for (int i = 0; i < 40; ++i) {
        takeovers.ended(now, 5000, 1000, replaced);
        pauses.push_back(takeovers.pause().count() / 1000);
        now += takeovers.pause().count() + 5000;
        EXPECT_EQ(takeovers.in_conflict(now), i > 0);
    }
    EXPECT_EQ((std::vector<std::int64_t>{pauses.begin(), pauses.begin() + 8}),
              (std::vector<std::int64_t>{0, 30, 60, 120, 240, 480, 600, 600}));
    EXPECT_EQ(pauses.back(), 600);
}

TEST(Takeovers, AreForgottenWhenTheOtherAgentIsGone)
{
    Takeovers takeovers;
    takeovers.ended(0, 5000, 1000, replaced);
    takeovers.ended(minute_ms, 5000, 1000, replaced);
    EXPECT_TRUE(takeovers.in_conflict(30 * minute_ms));
    EXPECT_FALSE(takeovers.in_conflict(32 * minute_ms));
    takeovers.ended(100 * minute_ms, 99 * minute_ms, 1000, replaced); // long after: the first again
    EXPECT_FALSE(takeovers.in_conflict(100 * minute_ms));
    EXPECT_EQ(takeovers.pause(), 0ms);
}

// A server that closes the older session without a word.
TEST(Takeovers, AreSuspectedWhenSessionsAreClosedSoonFiveTimesInARow)
{
    Takeovers takeovers;
    for (int i = 0; i < 4; ++i) takeovers.ended(i * 1000, 900, 1000, "");
    EXPECT_FALSE(takeovers.in_conflict(4000));
    takeovers.ended(4000, 900, 4001, "bye");
    EXPECT_TRUE(takeovers.in_conflict(4000));
    EXPECT_FALSE(takeovers.proven(4000));
    EXPECT_EQ(takeovers.pause(), 30s);
    takeovers.ended(minute_ms * 3, minute_ms * 2, 1000, ""); // one that lasted
    EXPECT_FALSE(takeovers.in_conflict(minute_ms * 3));
}

TEST(Takeovers, AreNotSuspectedWhereTheNetworkOrAnErrorEndsTheSession)
{
    Takeovers takeovers;
    for (int i = 0; i < 20; ++i) takeovers.ended(i * 1000, 900, i % 2 ? 0 : 1011, "");
    EXPECT_FALSE(takeovers.in_conflict(20'000));
}

} // namespace
