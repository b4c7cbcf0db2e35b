#include "host/dispatch/journal/begin_quota.hpp"

#include <gtest/gtest.h>

using agenthost::host::BeginQuota;

namespace {

TEST(BeginQuota, IsTheWholeQueueForASingleCaller)
{
    BeginQuota quota{4};
    for (std::size_t waiting = 0; waiting < 4; ++waiting) EXPECT_TRUE(quota.take("server", waiting));
    EXPECT_FALSE(quota.take("server", 4));
    EXPECT_TRUE(quota.take("server", 3)) << "the queue has space again";
}

TEST(BeginQuota, IsHalfOfTheQueueForEachOfSeveral)
{
    BeginQuota quota{4};
    quota.share_among(2);
    EXPECT_TRUE(quota.take("noisy", 0));
    EXPECT_TRUE(quota.take("noisy", 1));
    EXPECT_FALSE(quota.take("noisy", 2));
    EXPECT_TRUE(quota.take("calm", 2));
    quota.give_back("noisy");
    EXPECT_TRUE(quota.take("noisy", 2));
    EXPECT_FALSE(quota.take("calm", 8)) << "twice the queue is the limit for all";
}

TEST(BeginQuota, IsNeverLessThanOne)
{
    BeginQuota quota{1};
    quota.share_among(3);
    EXPECT_TRUE(quota.take("server", 0));
    EXPECT_FALSE(quota.take("server", 0));
}

} // namespace
