#include "plugins/hub/tasks/send_marks.hpp"

#include <gtest/gtest.h>

using agenthost::hub::SendMarks;

namespace {

TEST(SendMarks, SettlesAnAttemptOnce)
{
    SendMarks marks;
    const auto attempt = marks.begin("t1");
    EXPECT_FALSE(marks.empty());
    EXPECT_FALSE(marks.settle("t2", attempt));
    EXPECT_TRUE(marks.settle("t1", attempt));
    EXPECT_FALSE(marks.settle("t1", attempt));
    EXPECT_TRUE(marks.empty());
}

TEST(SendMarks, IgnoresTheDisksAnswerToACancelledAttempt)
{
    SendMarks marks;
    const auto attempt = marks.begin("t1");
    EXPECT_TRUE(marks.cancel("t1"));
    EXPECT_FALSE(marks.cancel("t1"));
    EXPECT_FALSE(marks.settle("t1", attempt));
}

TEST(SendMarks, OnlyTheLatestAttemptOfATaskCounts)
{
    SendMarks marks;
    const auto first = marks.begin("t1"), second = marks.begin("t1");
    EXPECT_FALSE(marks.settle("t1", first));
    EXPECT_TRUE(marks.settle("t1", second));
}

} // namespace
