// The pure parts: when output is flushed, how a command is ended, who is next.
#include <plugins/terminal/queue.hpp>
#include <plugins/terminal/rules.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace agenthost::terminal;
using namespace std::chrono_literals;

namespace {

const Flush::Time start{1h};

TEST(Flush, LetsTheFirstOutputGoAtOnce) { EXPECT_TRUE(Flush{}.ripe(start)); }

TEST(Flush, HoldsWhatFollowsFor50Ms)
{
    Flush flush;
    flush.flushed(start);
    EXPECT_FALSE(flush.ripe(start + 49ms));
    EXPECT_EQ(flush.next(start + 10ms), start + 50ms);
    EXPECT_TRUE(flush.ripe(start + 50ms));
}

TEST(Flush, LetsOutputAfterSilenceGoAtOnce)
{
    Flush flush;
    flush.flushed(start);
    EXPECT_TRUE(flush.ripe(start + 10s));
}

TEST(Ending, GoesFromInterruptToTerminateToKill)
{
    Ending ending;
    EXPECT_EQ(ending.grace_over(), Ending::Step::none); // nobody asked
    EXPECT_EQ(ending.ask(Reason::interrupted, false), Ending::Step::interrupt);
    EXPECT_TRUE(ending.more());
    EXPECT_EQ(ending.grace_over(), Ending::Step::terminate);
    EXPECT_TRUE(ending.more());
    EXPECT_EQ(ending.grace_over(), Ending::Step::kill);
    EXPECT_FALSE(ending.more());
    EXPECT_EQ(ending.grace_over(), Ending::Step::none);
}

TEST(Ending, SkipsTheRestOfTheGraceWhenAskedAgain)
{
    Ending ending;
    ending.ask(Reason::interrupted, false);
    EXPECT_EQ(ending.ask(Reason::interrupted, false), Ending::Step::terminate);
    EXPECT_EQ(ending.ask(Reason::interrupted, false), Ending::Step::kill);
    EXPECT_EQ(ending.ask(Reason::interrupted, false), Ending::Step::none);
}

TEST(Ending, KillsAtOnceWhenForced)
{
    for (int asked = 0; asked < 3; ++asked) {
        SCOPED_TRACE(asked);
        Ending ending;
        for (int i = 0; i < asked; ++i) ending.ask(Reason::interrupted, false);
        EXPECT_EQ(ending.ask(Reason::interrupted, true), Ending::Step::kill);
        EXPECT_FALSE(ending.more());
    }
}

TEST(Ending, BeginsATimeoutWithSigterm)
{
    Ending ending;
    EXPECT_EQ(ending.ask(Reason::timeout, false), Ending::Step::terminate);
    EXPECT_EQ(ending.grace_over(), Ending::Step::kill);
}

TEST(Ending, KeepsTheFirstReason)
{
    Ending ending;
    EXPECT_FALSE(ending.reason());
    ending.ask(Reason::timeout, false);
    ending.ask(Reason::interrupted, true);
    EXPECT_EQ(ending.reason(), Reason::timeout);
}

std::vector<int> order(Queue<int>& queue)
{
    std::vector<int> out;
    while (const auto next = queue.next()) out.push_back(*next);
    return out;
}

TEST(Queue, ServesByPriorityThenByAge)
{
    Queue<int> queue{10, 10};
    queue.push("a", Priority::normal, 1);
    queue.push("a", Priority::low, 2);
    queue.push("a", Priority::urgent, 3);
    queue.push("a", Priority::normal, 4);
    queue.push("a", Priority::high, 5);
    queue.push("a", Priority::urgent, 6);
    std::vector<std::pair<int, std::size_t>> positions;
    queue.each([&](int what, std::size_t position) { positions.emplace_back(what, position); });
    EXPECT_EQ(positions,
              (std::vector<std::pair<int, std::size_t>>{{3, 1}, {6, 2}, {5, 3}, {1, 4}, {4, 5}, {2, 6}}));
    EXPECT_EQ(order(queue), (std::vector<int>{3, 6, 5, 1, 4, 2}));
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.running(), 6u);
}

TEST(Queue, IsFullForEveryPriorityAtItsCapacity)
{
    Queue<int> queue{2, 2};
    EXPECT_TRUE(queue.push("a", Priority::low, 1));
    EXPECT_TRUE(queue.push("a", Priority::urgent, 2));
    EXPECT_FALSE(queue.push("a", Priority::urgent, 3));
    EXPECT_TRUE(queue.remove(1));
    EXPECT_FALSE(queue.remove(1));
    EXPECT_TRUE(queue.push("a", Priority::normal, 3));
    EXPECT_EQ(order(queue), (std::vector<int>{2, 3}));
}

TEST(Queue, TakesNothingWithoutCapacity)
{
    Queue<int> queue{1, 0};
    EXPECT_FALSE(queue.push("a", Priority::urgent, 1));
    EXPECT_TRUE(queue.begin("a"));
    EXPECT_FALSE(queue.begin("a"));
    queue.ended("a");
    EXPECT_TRUE(queue.begin("a"));
}

TEST(Queue, StartsACallersFirstCommandWhateverOthersRun)
{
    Queue<int> queue{2, 100};
    EXPECT_TRUE(queue.begin("greedy"));
    EXPECT_TRUE(queue.begin("greedy"));
    EXPECT_FALSE(queue.begin("greedy"));
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(queue.push("greedy", Priority::urgent, i));
    EXPECT_FALSE(queue.push("greedy", Priority::urgent, 100));
    EXPECT_EQ(queue.next(), std::nullopt);
    EXPECT_TRUE(queue.begin("modest"));
    EXPECT_FALSE(queue.begin("modest"));
    EXPECT_TRUE(queue.push("modest", Priority::low, 200)); // there is a place for it in a full queue
    queue.ended("modest");
    EXPECT_EQ(queue.next(), 200); // its low before a hundred urgent ones of another
}

TEST(Queue, SharesSlotsThatBecomeFree)
{
    Queue<std::string> queue{4, 100};
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(queue.begin("a"));
    for (int i = 0; i < 5; ++i) queue.push("a", Priority::normal, "a");
    ASSERT_TRUE(queue.begin("b"));
    for (int i = 0; i < 5; ++i) queue.push("b", Priority::normal, "b");
    queue.ended("a"); // four run, so the limit holds
    EXPECT_EQ(queue.next(), std::nullopt);
    queue.ended("a");
    EXPECT_EQ(queue.next(), "b");
    queue.ended("a");
    EXPECT_EQ(queue.next(), "a"); // two each from here on; a had its turn longer ago
    queue.ended("a");
    EXPECT_EQ(queue.next(), "a");
    queue.ended("b");
    EXPECT_EQ(queue.next(), "b");
}

TEST(Queue, TellsPositionsInTheOrderOfService)
{
    Queue<int> queue{1, 100};
    ASSERT_TRUE(queue.begin("a"));
    ASSERT_TRUE(queue.begin("b"));
    for (int i = 0; i < 3; ++i) queue.push("a", Priority::normal, i);
    queue.push("b", Priority::low, 10);
    std::vector<int> told;
    queue.each([&](int what, std::size_t position) {
        EXPECT_EQ(position, told.size() + 1);
        told.push_back(what);
    });
    EXPECT_EQ(told, (std::vector<int>{0, 10, 1, 2}));
}

TEST(Priority, ReadsItsOwnNames)
{
    for (const Priority p : {Priority::urgent, Priority::high, Priority::normal, Priority::low})
        EXPECT_EQ(priority(name(p)), p);
    EXPECT_FALSE(priority("URGENT"));
}

} // namespace
