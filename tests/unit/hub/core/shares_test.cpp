// Shares of a bounded resource: no user takes all of it, and the next user gets a share.
#include "plugins/hub/core/shares.hpp"

#include <gtest/gtest.h>

#include <random>

using agenthost::hub::Shares;

namespace {

TEST(HubShares, OneUserLeavesAFifthToOthers)
{
    Shares shares{1000};
    EXPECT_EQ(shares.available("a"), 800U);
    EXPECT_FALSE(shares.take("a", 801));
    EXPECT_TRUE(shares.take("a", 800));
    EXPECT_EQ(shares.available("a"), 0U);
    EXPECT_EQ(shares.available("b"), 160U);
    EXPECT_TRUE(shares.take("b", 160));
    EXPECT_EQ(shares.available(""), 40U) << "an empty name has no share";
    shares.give_back("a", 800);
    EXPECT_EQ(shares.used("a"), 0U);
    EXPECT_EQ(shares.used(), 160U);
}

TEST(HubShares, ANewUserAlwaysGetsAShare)
{
    std::mt19937 random{7}; // NOLINT(cert-msc51-cpp): the same run every time
    Shares shares{1'000'000};
    std::uint64_t held[4] = {};
    for (int i = 0; i < 100'000; ++i) {
        const std::size_t user = random() % 4;
        const std::string name(1, static_cast<char>('a' + user));
        if (random() % 4 == 0) {
            const std::uint64_t back = held[user] == 0 ? 0 : random() % (held[user] + 1);
            shares.give_back(name, back);
            held[user] -= back;
        } else if (const std::uint64_t amount = random() % 300'000; shares.take(name, amount)) {
            held[user] += amount;
        }
        ASSERT_EQ(shares.used(), held[0] + held[1] + held[2] + held[3]);
        ASSERT_EQ(shares.used(name), held[user]);
        ASSERT_GT(shares.available("new"), 0U) << "four greedy users leave a share for a fifth";
    }
}

TEST(HubShares, LargeTotalsDoNotOverflow)
{
    Shares shares{UINT64_MAX};
    EXPECT_TRUE(shares.take("a", UINT64_MAX / 2));
    EXPECT_GT(shares.available("b"), UINT64_MAX / 4);
    shares.give_back("nobody", 5);
    EXPECT_EQ(shares.used("nobody"), 0U);
}

} // namespace
