#include "host/dispatch/journal/owed_results.hpp"

#include <gtest/gtest.h>

using namespace agenthost::host;

namespace {

FinishedRow result(std::uint64_t row, std::string data = "{}")
{
    FinishedRow r;
    r.row = row;
    r.data = std::move(data);
    return r;
}

TEST(OwedResults, AreForgottenOnlyWhenTheirCommitWorked)
{
    OwedResults owed;
    owed.add(result(1));
    owed.add(result(2));
    int stored = 0;
    owed.pay([&](const FinishedRow&) { ++stored; });
    owed.roll_back();
    EXPECT_EQ(stored, 2);
    EXPECT_NE(owed.find(1), nullptr);
    owed.pay([&](const FinishedRow&) { ++stored; });
    owed.commit();
    EXPECT_EQ(stored, 4);
    EXPECT_TRUE(owed.empty());
}

TEST(OwedResults, AreReplacedWhileTheyWait)
{
    OwedResults owed;
    owed.add(result(1, "old"));
    owed.replace(result(1, "new"));
    owed.replace(result(2, "unknown"));
    ASSERT_NE(owed.find(1), nullptr);
    EXPECT_EQ(owed.find(1)->data, "new");
    EXPECT_EQ(owed.find(2), nullptr);
}

TEST(OwedResults, AreBoundedAndHaveARow)
{
    OwedResults owed;
    owed.add(result(0));
    EXPECT_TRUE(owed.empty()) << "it ran without a row";
    for (std::uint64_t row = 1; row <= OwedResults::max_results + 1; ++row) owed.add(result(row));
    EXPECT_NE(owed.find(OwedResults::max_results), nullptr);
    EXPECT_EQ(owed.find(OwedResults::max_results + 1), nullptr);
}

} // namespace
