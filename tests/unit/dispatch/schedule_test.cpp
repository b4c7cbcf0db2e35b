#include "host/dispatch/schedule.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

using namespace agenthost::host;
using namespace std::chrono_literals;

namespace {

struct ScheduleTest : ::testing::Test {
    boost::asio::io_context io;
    Schedule::Time now{1000h};
    int due = 0;
    std::optional<Schedule> schedule{std::in_place, io.get_executor(), [this] { return now; },
                                     [this] { ++due; }};
};

TEST_F(ScheduleTest, KnowsWhatIsDueByItsClock)
{
    schedule->set_deadline(3, now + 2s);
    schedule->set_deadline(5, now + 1s);
    schedule->set_pause(3, now + 3s);
    EXPECT_EQ(schedule->next(), now + 1s);
    EXPECT_FALSE(schedule->deadline_due(now));
    now += 1s;
    ASSERT_TRUE(schedule->deadline_due(now));
    EXPECT_EQ(schedule->first_deadline(), 5u);
    schedule->clear_deadline(5);
    EXPECT_FALSE(schedule->deadline_due(now));
    now += 2s;
    EXPECT_TRUE(schedule->pause_due(now));
    EXPECT_EQ(schedule->first_pause(), 3u);
    schedule->clear_pause(3);
    schedule->clear_deadline(3);
    EXPECT_EQ(schedule->next(), Schedule::Time::max());
}

TEST_F(ScheduleTest, FiresForTheEarliestTimeOnly)
{
    schedule->wake_at(now + 1h);
    schedule->set_deadline(1, now + 10ms);
    schedule->wake_at(now + 2h);
    io.run_for(1s);
    EXPECT_EQ(due, 1);
}

TEST_F(ScheduleTest, FiresAtOnceForWhatIsOverdue)
{
    schedule->set_pause(1, now - 1s);
    io.run_for(1s);
    EXPECT_EQ(due, 1);
}

TEST_F(ScheduleTest, DoesNotCallBackAfterItsDestruction)
{
    schedule->wake_at(now);
    schedule.reset();
    io.run_for(1s);
    EXPECT_EQ(due, 0);
}

} // namespace
