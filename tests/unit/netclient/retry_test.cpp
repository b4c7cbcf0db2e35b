#include "netclient/retry.hpp"

#include <gtest/gtest.h>

namespace {

using agenthost::netclient::RetryBudget;
using namespace std::chrono_literals;

const RetryBudget::Time start{};

TEST(RetryBudget, GivesUpAfterFiveAttempts)
{
    RetryBudget budget{{}, start};
    EXPECT_EQ(budget.failed(start), 250ms);
    EXPECT_EQ(budget.failed(start + 1s), 500ms);
    EXPECT_EQ(budget.failed(start + 2s), 1000ms);
    EXPECT_EQ(budget.failed(start + 3s), 2000ms);
    EXPECT_EQ(budget.failed(start + 4s), std::nullopt);
}

TEST(RetryBudget, GivesUpAfterThirtySecondsWithoutProgress)
{
    RetryBudget budget{{}, start};
    EXPECT_NE(budget.failed(start + 29s), std::nullopt);
    EXPECT_EQ(budget.failed(start + 31s), std::nullopt);
}

TEST(RetryBudget, StartsOverWithEachProgress)
{
    RetryBudget budget{{}, start};
    for (int i = 1; i <= 100; ++i) {
        const auto now = start + i * 20s;
        budget.reached(static_cast<std::uint64_t>(i), now);
        EXPECT_EQ(budget.failed(now), 250ms);
    }
}

TEST(RetryBudget, CountsOnlyNewMaximaAsProgress)
{
    RetryBudget budget{{}, start};
    budget.reached(1000, start);
    for (int i = 0; i < 4; ++i) {
        EXPECT_NE(budget.failed(start), std::nullopt);
        budget.reached(1000, start); // always breaks off at the same byte
    }
    EXPECT_EQ(budget.failed(start), std::nullopt);
}

TEST(RetryBudget, MovementRenewsTheTimeLimitButNotTheAttempts)
{
    RetryBudget budget{{}, start};
    for (int i = 1; i <= 4; ++i) {
        budget.moved(start + i * 60s);
        EXPECT_NE(budget.failed(start + i * 60s), std::nullopt);
    }
    budget.moved(start + 300s);
    EXPECT_EQ(budget.failed(start + 300s), std::nullopt);
}

} // namespace
