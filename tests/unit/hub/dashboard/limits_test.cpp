#include "plugins/hub/dashboard/limits.hpp"

#include <gtest/gtest.h>

using agenthost::hub::DashboardLimits;
using namespace std::chrono_literals;

namespace {

using Verdict = DashboardLimits::Verdict;
const DashboardLimits::Time start{1h};

TEST(DashboardLimits, ComplainsOncePerSecondAboutMessagesBeyondTheRate)
{
    DashboardLimits limits;
    for (int i = 0; i < 100; ++i) EXPECT_EQ(limits.message(start), Verdict::read);
    EXPECT_EQ(limits.message(start), Verdict::complain);
    EXPECT_EQ(limits.message(start), Verdict::drop);
    EXPECT_EQ(limits.message(start + 10ms), Verdict::read) << "one is allowed every 10 ms";
    EXPECT_EQ(limits.message(start + 10ms), Verdict::drop);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(limits.message(start + 2s), Verdict::read);
    EXPECT_EQ(limits.message(start + 2s), Verdict::complain);
}

TEST(DashboardLimits, AllowsAHeartbeatEvery25Seconds)
{
    DashboardLimits limits;
    EXPECT_TRUE(limits.heartbeat(start));
    EXPECT_FALSE(limits.heartbeat(start + 24s));
    EXPECT_TRUE(limits.heartbeat(start + 25s)) << "a rejected one does not start a new interval";
}

TEST(DashboardLimits, AllowsTenCommandsInAnyMinute)
{
    DashboardLimits limits;
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(limits.command(start + i * 1s));
    EXPECT_FALSE(limits.command(start + 59s));
    EXPECT_TRUE(limits.command(start + 60s)) << "the first is a minute old";
    EXPECT_FALSE(limits.command(start + 60s));
    EXPECT_TRUE(limits.command(start + 61s));
}

} // namespace
