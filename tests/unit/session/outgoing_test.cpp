#include "host/session/outgoing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace agenthost::host {
namespace {

bool add(Outgoing& queue, const std::string& frame, std::uint64_t row = 0)
{
    return queue.add(
        [&](std::string& out) {
            out += frame;
            return true;
        },
        row);
}

std::vector<std::string> drain(Outgoing& queue)
{
    std::vector<std::string> frames;
    for (std::string_view frame = queue.front(); !frame.empty(); frame = queue.front()) {
        frames.emplace_back(frame);
        queue.pop();
    }
    return frames;
}

using Frames = std::vector<std::string>;

TEST(Outgoing, KeepsOrderAndRows)
{
    Outgoing queue{1000};
    add(queue, "a", 7);
    add(queue, "bb");
    EXPECT_EQ(queue.front(), "a");
    add(queue, "ccc", 9); // while the first is being written
    EXPECT_EQ(queue.front(), "a");
    EXPECT_EQ(queue.bytes(), 6u);
    EXPECT_EQ(queue.pop(), 7u);
    EXPECT_EQ(queue.front(), "bb");
    EXPECT_EQ(queue.pop(), 0u);
    EXPECT_EQ(queue.front(), "ccc");
    EXPECT_EQ(queue.pop(), 9u);
    EXPECT_TRUE(queue.front().empty());
    EXPECT_TRUE(queue.empty());
}

TEST(Outgoing, TakesNothingWhenThereAreNoWords)
{
    Outgoing queue{1000};
    EXPECT_FALSE(queue.add([](std::string&) { return false; }));
    EXPECT_TRUE(queue.front().empty());
}

TEST(Outgoing, SaysWhenItIsFull)
{
    Outgoing queue{1000};
    add(queue, std::string(500, 'a'));
    EXPECT_TRUE(queue.takes_output());
    add(queue, std::string(501, 'b'));
    EXPECT_TRUE(queue.over());
    EXPECT_FALSE(queue.takes_output());
    EXPECT_TRUE(queue.takes_results());
    add(queue, std::string(1000, 'c'));
    EXPECT_FALSE(queue.takes_results());
    queue.front();
    queue.pop();
    queue.front();
    queue.pop();
    EXPECT_FALSE(queue.over());
    EXPECT_FALSE(queue.half_empty());
}

TEST(Outgoing, DropsTheOldestEventsAndCountsThem)
{
    Outgoing queue{100'000};
    add(queue, std::string(70'000, 'r')); // much waits: events stand aside
    EXPECT_EQ(queue.add_event("1" + std::string(9'999, 'e')), 0u);
    EXPECT_EQ(queue.add_event("2" + std::string(9'999, 'e')), 0u);
    EXPECT_EQ(queue.add_event("3" + std::string(9'999, 'e')), 0u);
    EXPECT_EQ(queue.add_event("4" + std::string(9'999, 'e')), 1u);
    EXPECT_EQ(queue.add_event(std::string(40'000, 'x')), 4u); // three more and itself
    EXPECT_EQ(queue.add_event("5"), 0u);
    const Frames frames = drain(queue);
    ASSERT_EQ(frames.size(), 2u);
    EXPECT_EQ(frames[1], "5");
    EXPECT_TRUE(queue.empty());
}

TEST(Outgoing, KeepsTheLatestProgressOfEachCommand)
{
    Outgoing queue{100'000};
    add(queue, std::string(70'000, 'r'));
    queue.add_progress("a", "a1");
    queue.add_progress("b", "b1");
    queue.add_progress("a", "a2");
    queue.add_progress("c", "c1");
    queue.forget_progress("c"); // its result is there
    Frames frames = drain(queue);
    frames.erase(frames.begin());
    EXPECT_EQ(frames, (Frames{"b1", "a2"}));
}

TEST(Outgoing, SendsAtOnceWhatNothingWaitsBefore)
{
    Outgoing queue{100'000};
    queue.add_event("e1");
    queue.add_progress("a", "p1");
    add(queue, "r1");
    EXPECT_EQ(drain(queue), (Frames{"e1", "p1", "r1"}));
}

TEST(Outgoing, IsBoundedWhateverComes)
{
    Outgoing queue{10'000};
    for (int i = 0; i < 10'000; ++i) {
        queue.add_event(std::string(100, 'e'));
        queue.add_progress(std::to_string(i), std::string(100, 'p'));
    }
    EXPECT_LE(queue.bytes(), 10'000u + 100u);
}

} // namespace
} // namespace agenthost::host
