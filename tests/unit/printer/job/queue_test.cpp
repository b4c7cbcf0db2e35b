// What waits for one printer.
#include "plugins/printer/job/queue.hpp"

#include <gtest/gtest.h>

namespace agenthost::printer::job {

namespace {

Ticket ticket(JobId id, const std::string& server, std::uint64_t size = 10)
{
    Ticket out;
    out.id = id;
    out.server = server;
    out.size = size;
    return out;
}

TEST(PrinterQueue, AJobOnItsWayToTheDiskCounts)
{
    Queue queue{{.jobs = 8, .bytes = 1'000}};
    for (int i = 0; i < 7; ++i) {
        EXPECT_FALSE(queue.refuse("a", 10)) << i;
        queue.expect("a", 10);
    }
    EXPECT_TRUE(queue.refuse("a", 10));
    EXPECT_FALSE(queue.refuse("b", 10)) << "another server can always add";
    EXPECT_TRUE(queue.empty());
    EXPECT_FALSE(queue.take());
    EXPECT_EQ(queue.bytes(), 70U);
    queue.arrived("a", 10); // the disk refused it
    EXPECT_FALSE(queue.refuse("a", 10));
    queue.arrived("a", 10);
    queue.add(ticket(1, "a"));
    EXPECT_EQ(queue.size(), 1U);
    EXPECT_EQ(queue.bytes(), 60U);
}

TEST(PrinterQueue, BytesOnTheirWayCount)
{
    Queue queue{{.jobs = 100, .bytes = 800}};
    queue.expect("a", 700);
    EXPECT_TRUE(queue.refuse("a", 1));
    EXPECT_FALSE(queue.refuse("b", 100));
    EXPECT_TRUE(queue.refuse("b", 101));
    queue.arrived("a", 700);
    EXPECT_EQ(queue.bytes(), 0U);
    EXPECT_FALSE(queue.refuse("a", 700));
}

// A server whose jobs are only on their way is passed over.
TEST(PrinterQueue, ServersTakeTurns)
{
    Queue queue{{}};
    queue.expect("a", 10);
    queue.add(ticket(1, "b"));
    queue.add(ticket(2, "b"));
    queue.add(ticket(3, "c"));
    EXPECT_EQ(queue.take()->id, 1U);
    EXPECT_EQ(queue.take()->id, 3U);
    queue.arrived("a", 10);
    queue.add(ticket(4, "a"));
    EXPECT_EQ(queue.take()->id, 2U);
    EXPECT_EQ(queue.take()->id, 4U);
    EXPECT_FALSE(queue.take());
    EXPECT_EQ(queue.bytes(), 0U);
}

} // namespace

} // namespace agenthost::printer::job
