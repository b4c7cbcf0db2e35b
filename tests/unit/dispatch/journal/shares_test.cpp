#include "host/dispatch/journal/shares.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using agenthost::host::Shares;
using ::testing::AllOf;
using ::testing::HasSubstr;

namespace {

int fill(Shares& shares, std::string_view caller, std::int64_t bytes = 1)
{
    int rows = 0;
    while (shares.has_space(caller)) {
        shares.change(caller, 1, bytes);
        ++rows;
    }
    return rows;
}

TEST(Shares, GiveAllOfItToOneCallerWhenNoneHasAPart)
{
    Shares shares{40, 1000};
    EXPECT_EQ(fill(shares, "server"), 40);
}

TEST(Shares, KeepThePartOfEachCaller)
{
    Shares shares{40, 1000};
    shares.share_among({"noisy", "calm"});
    EXPECT_EQ(fill(shares, "noisy"), 30) << "its own 10, and the 20 that are for whoever comes first";
    EXPECT_EQ(fill(shares, "guest"), 0);
    EXPECT_EQ(fill(shares, "calm"), 10);
    EXPECT_THAT(shares.no_space("noisy"), AllOf(HasSubstr("30 of its results"), HasSubstr("40 of 40 rows")));
}

TEST(Shares, LimitBytesAsWell)
{
    Shares shares{1000, 400};
    shares.share_among({"noisy", "calm"});
    EXPECT_EQ(fill(shares, "noisy", 50), 6);
    EXPECT_EQ(fill(shares, "calm", 50), 2);
}

TEST(Shares, TakeBackWhatTheOpenTransactionChanged)
{
    Shares shares{40, 1000};
    shares.change("server", 3, 30);
    shares.commit();
    shares.change("server", -1, -10);
    shares.change("other", 5, 50);
    EXPECT_EQ(shares.rows(), 7u);
    shares.roll_back();
    EXPECT_EQ(shares.rows(), 3u);
    EXPECT_EQ(shares.bytes(), 30u);
    EXPECT_THAT(shares.no_space("other"), HasSubstr("holds 0 of its results (0 bytes)"));
}

} // namespace
