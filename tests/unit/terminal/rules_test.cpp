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
    while (const auto next = queue.pop()) out.push_back(*next);
    return out;
}

TEST(Queue, ServesByPriorityThenByAge)
{
    Queue<int> queue{10};
    queue.push(Priority::normal, 1);
    queue.push(Priority::low, 2);
    queue.push(Priority::urgent, 3);
    queue.push(Priority::normal, 4);
    queue.push(Priority::high, 5);
    queue.push(Priority::urgent, 6);
    std::vector<std::pair<int, std::size_t>> positions;
    queue.each([&](int what, std::size_t position) { positions.emplace_back(what, position); });
    EXPECT_EQ(positions,
              (std::vector<std::pair<int, std::size_t>>{{3, 1}, {6, 2}, {5, 3}, {1, 4}, {4, 5}, {2, 6}}));
    EXPECT_EQ(order(queue), (std::vector<int>{3, 6, 5, 1, 4, 2}));
    EXPECT_TRUE(queue.empty());
}

TEST(Queue, IsFullForEveryPriorityAtItsCapacity)
{
    Queue<int> queue{2};
    EXPECT_TRUE(queue.push(Priority::low, 1));
    EXPECT_TRUE(queue.push(Priority::urgent, 2));
    EXPECT_FALSE(queue.push(Priority::urgent, 3));
    EXPECT_TRUE(queue.remove(1));
    EXPECT_FALSE(queue.remove(1));
    EXPECT_TRUE(queue.push(Priority::normal, 3));
    EXPECT_EQ(order(queue), (std::vector<int>{2, 3}));
}

TEST(Queue, TakesNothingWithoutCapacity)
{
    Queue<int> queue{0};
    EXPECT_FALSE(queue.push(Priority::urgent, 1));
}

TEST(Priority, ReadsItsOwnNames)
{
    for (const Priority p : {Priority::urgent, Priority::high, Priority::normal, Priority::low})
        EXPECT_EQ(priority(name(p)), p);
    EXPECT_FALSE(priority("URGENT"));
}

} // namespace
