#include "plugins/hub/credentials/enrolments.hpp"

#include <gtest/gtest.h>

using namespace agenthost::hub;

namespace {

TEST(HubEnrolments, CountsEachKindOfRowOnce)
{
    Enrolments rows;
    rows.put(Enrolment{.id = "a", .jwt = true});
    rows.put(Enrolment{.id = "b", .foreign = true});
    rows.put(Enrolment{.id = "c", .revoked = true});
    rows.put(Enrolment{.id = "", .valid_from = 5});
    EXPECT_EQ(rows.counts().ours, 1U);
    EXPECT_EQ(rows.counts().foreign, 1U);
    EXPECT_EQ(rows.counts().tombstones, 1U) << "the row of all other ids is not counted";
    EXPECT_EQ(rows.rows().size(), 4U);
    rows.put(Enrolment{.id = "a", .revoked = true});
    EXPECT_EQ(rows.counts().ours, 0U);
    EXPECT_EQ(rows.counts().tombstones, 2U);
    rows.remove("a");
    rows.remove("a");
    EXPECT_EQ(rows.counts().tombstones, 1U);
    EXPECT_EQ(rows.find("a"), nullptr);
}

TEST(HubEnrolments, VersionsAreHigherThanThoseOfAllCommittedRows)
{
    Enrolments rows;
    rows.put(Enrolment{.id = "a", .version = 7});
    rows.put(Enrolment{.id = "b", .version = 3});
    EXPECT_EQ(rows.next_version(), 8U);
    EXPECT_EQ(rows.next_version(), 9U);
}

TEST(HubEnrolments, ReservedIdsCountAsForeignAgents)
{
    Enrolments rows;
    for (std::size_t i = 0; i + 1 < Enrolments::max_foreign; ++i) rows.reserve(std::to_string(i));
    EXPECT_FALSE(rows.foreign_full());
    rows.put(Enrolment{.id = "a", .foreign = true});
    EXPECT_TRUE(rows.foreign_full());
    rows.release("0");
    EXPECT_FALSE(rows.foreign_full());
    EXPECT_FALSE(rows.reserved("0"));
    EXPECT_TRUE(rows.reserved("1"));
}

TEST(HubEnrolments, TheFloorIsThatOfTheRowOfAllOtherIds)
{
    Enrolments rows;
    EXPECT_EQ(rows.floor(), 0);
    rows.put(Enrolment{.id = "a", .valid_from = 9});
    EXPECT_EQ(rows.floor(), 0);
    rows.put(Enrolment{.id = "", .valid_from = 5});
    EXPECT_EQ(rows.floor(), 5);
}

} // namespace
