#include "plugins/hub/core/allowance.hpp"

#include <gtest/gtest.h>

using agenthost::hub::Allowance;
using namespace std::chrono_literals;

namespace {

int taken(Allowance& allowance, Allowance::Time now)
{
    int count = 0;
    while (allowance.take(now)) ++count;
    return count;
}

} // namespace

TEST(Allowance, AllowsABurstAndThenTheRate)
{
    Allowance allowance{10};
    Allowance::Time now{1h};
    EXPECT_EQ(taken(allowance, now), 10);
    EXPECT_EQ(taken(allowance, now + 50ms), 0);
    EXPECT_EQ(taken(allowance, now + 100ms), 1);
    EXPECT_EQ(taken(allowance, now + 600ms), 5);
}

TEST(Allowance, SavesNoMoreThanABurst)
{
    Allowance allowance{10, 2};
    EXPECT_EQ(taken(allowance, Allowance::Time{1h}), 20);
    EXPECT_EQ(taken(allowance, Allowance::Time{5h}), 20);
}

TEST(Allowance, ToleratesATimeInThePast)
{
    Allowance allowance{10};
    EXPECT_EQ(taken(allowance, Allowance::Time{2h}), 10);
    EXPECT_EQ(taken(allowance, Allowance::Time{1h}), 0);
}
