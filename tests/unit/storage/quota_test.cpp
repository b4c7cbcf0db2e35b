#include "plugins/storage/quota.hpp"

#include "../../support/support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace agenthost::storage;
using agenthost::test::TempDir;

TEST(Quota, GivesUpAClaimThatWasNotSettled)
{
    const TempDir dir;
    const Store store{dir / "s"};
    Quota quota{{1000, 0}, 0, store};
    {
        Quota::Claim first{quota, 0}, second{quota, 0};
        EXPECT_EQ(first.raise(800), "");
        EXPECT_NE(second.raise(201), "");
        EXPECT_EQ(second.raise(200), "");
    }
    Quota::Claim third{quota, 0};
    EXPECT_EQ(third.raise(1000), "");
}

TEST(Quota, KeepsWhatWasSettledUntilItIsRemoved)
{
    const TempDir dir;
    const Store store{dir / "s"};
    Quota quota{{1000, 0}, 100, store};
    {
        Quota::Claim claim{quota, 0};
        EXPECT_EQ(claim.raise(900), "");
        claim.settle(700);
    }
    Quota::Claim next{quota, 0};
    EXPECT_NE(next.raise(201), "");
    quota.removed(700);
    EXPECT_EQ(next.raise(900), "");
}

} // namespace
