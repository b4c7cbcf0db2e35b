#include "host/dispatch/journal/queue.hpp"

#include <gtest/gtest.h>

#include <thread>

using namespace agenthost::host;
using namespace std::chrono_literals;

namespace {

TEST(JournalQueue, HandsOutEverythingThatWaitsAsOneBatch)
{
    JournalQueue queue;
    for (int i = 0; i < 3; ++i) queue.add({.kind = Operation::Kind::expire});
    queue.mark_delivered(7);
    EXPECT_EQ(queue.waiting(), 3u);
    const auto batch = queue.take(0ms);
    EXPECT_EQ(batch.operations.size(), 3u);
    EXPECT_EQ(batch.delivered, (std::vector<std::uint64_t>{7}));
    EXPECT_FALSE(batch.last);
    EXPECT_EQ(queue.waiting(), 0u);
    EXPECT_TRUE(queue.take(0ms).empty());
}

TEST(JournalQueue, WakesItsThreadForAnOperationAndForTheEnd)
{
    JournalQueue queue;
    std::thread other{[&] { queue.add({.kind = Operation::Kind::expire}); }};
    EXPECT_EQ(queue.take(60s).operations.size(), 1u);
    other.join();
    other = std::thread{[&] { queue.stop(); }};
    EXPECT_TRUE(queue.take(60s).last);
    other.join();
}

TEST(JournalQueue, LetsMarksWaitForAnOperation)
{
    JournalQueue queue;
    queue.mark_delivered(1);
    std::thread other{[&] {
        std::this_thread::sleep_for(10ms);
        queue.add({.kind = Operation::Kind::expire});
    }};
    const auto batch = queue.take(60s);
    other.join();
    EXPECT_EQ(batch.delivered.size(), 1u);
    EXPECT_EQ(batch.operations.size() + queue.take(0ms).operations.size(), 1u);
}

} // namespace
