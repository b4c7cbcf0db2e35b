// The events that wait for one dashboard: in turn, bounded, with the number of those that were dropped.
#include "plugins/hub/dashboard/event_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost::hub;
using ::testing::ElementsAre;

namespace {

EventQueue::Frame frame(const std::string& text) { return std::make_shared<const std::string>(text); }

std::vector<std::string> drain(EventQueue& queue)
{
    std::vector<std::string> out;
    while (const auto next = queue.front()) {
        if (next->dropped > 0) {
            out.push_back(std::string{next->agent} + " dropped " + std::to_string(next->dropped));
            const bool alone = next->frame == nullptr;
            queue.told();
            if (alone) continue;
        }
        out.push_back(std::string{next->agent} + " " + *next->frame);
        queue.taken();
    }
    return out;
}

TEST(EventQueue, TakesAgentsInTurnAndKeepsTheirOrder)
{
    EventQueue queue;
    for (const char* text : {"1", "2", "3"}) queue.push("a", frame(text));
    queue.push("b", frame("1"));
    queue.push("c", frame("1"));
    queue.push("c", frame("2"));
    EXPECT_THAT(drain(queue), ElementsAre("a 1", "b 1", "c 1", "a 2", "c 2", "a 3"));
    EXPECT_EQ(queue.bytes(), 0U);
}

TEST(EventQueue, DropsTheOldestOfTheAgentWithTheMostBytes)
{
    EventQueue queue{100};
    queue.push("quiet", frame(std::string(10, 'q')));
    std::size_t dropped = 0;
    for (int i = 0; i < 100; ++i)
        dropped += queue.push("loud", frame(std::string(9, 'x') + std::to_string(i % 10)));
    EXPECT_EQ(dropped, 910U) << "bytes";
    EXPECT_LE(queue.bytes(), 100U);
    const auto out = drain(queue);
    EXPECT_EQ(out[0], "loud dropped 91");
    EXPECT_EQ(out[1], "loud xxxxxxxxx1");
    EXPECT_EQ(out[2], "quiet qqqqqqqqqq") << "the quiet agent has lost nothing";
    EXPECT_EQ(out.size(), 11U);
}

TEST(EventQueue, ReportsWhatWasLostElsewhereEvenWithoutAnEvent)
{
    EventQueue queue;
    queue.lost("a", 0);
    EXPECT_FALSE(queue.front());
    queue.lost("a", 3);
    queue.lost("a", 4);
    EXPECT_THAT(drain(queue), ElementsAre("a dropped 7"));
    EXPECT_FALSE(queue.front());
}

TEST(EventQueue, KeepsASingleOneThatIsLargerThanTheBound)
{
    EventQueue queue{10};
    EXPECT_EQ(queue.push("a", frame(std::string(50, 'x'))), 0U);
    EXPECT_EQ(queue.push("b", frame("12")), 50U);
    EXPECT_THAT(drain(queue), ElementsAre("a dropped 1", "b 12"));
    queue.push("a", frame("1"));
    queue.clear();
    EXPECT_FALSE(queue.front());
}

} // namespace
