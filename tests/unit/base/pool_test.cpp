#include "base/pool.hpp"

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <future>

namespace {

using namespace agenthost::base;
using agenthost::test::wait_for;

TEST(Pool, RunsAsManyAsItHasThreadsAndRefusesTooMany)
{
    Pool pool{{.threads = 2, .max_waiting = 3}};
    std::promise<void> go;
    const auto gate = go.get_future().share();
    std::atomic<int> running{0}, most{0}, done{0};
    const auto job = [&](const Cancel&) {
        const int now = ++running;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {}
        gate.wait();
        --running;
        ++done;
    };
    ASSERT_TRUE(pool.submit(job));
    ASSERT_TRUE(pool.submit(job));
    ASSERT_TRUE(wait_for([&] { return running == 2; }));
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(pool.submit(job));
    EXPECT_FALSE(pool.submit(job));
    EXPECT_EQ(pool.waiting(), 3u);
    go.set_value();
    EXPECT_TRUE(wait_for([&] { return done == 5; }));
    EXPECT_EQ(most, 2);
}

TEST(Pool, GivesWayToOthersOnTheDisk)
{
    // ioprio_get(2): of this thread. The lowest of the class "best effort".
    const auto own = [] { return static_cast<int>(::syscall(SYS_ioprio_get, 1, 0)); };
    constexpr int lowest = 2 << 13 | 7;
    std::promise<int> priority;
    Pool pool{{.threads = 1, .max_waiting = 1}};
    ASSERT_TRUE(pool.submit([&](const Cancel&) { priority.set_value(own()); }));
    EXPECT_EQ(priority.get_future().get(), lowest);
    EXPECT_NE(own(), lowest) << "its threads only";
}

TEST(Pool, CancelsARunningJobAndOneThatWaits)
{
    Pool pool{{.threads = 1, .max_waiting = 4}};
    std::atomic<int> begun{0}, cancelled{0};
    const auto job = [&](const Cancel& cancel) {
        ++begun;
        cancelled += wait_for([&] { return cancel.is_set(); });
    };
    const auto first = pool.submit(job), second = pool.submit(job);
    ASSERT_TRUE(wait_for([&] { return begun == 1; }));
    EXPECT_EQ(pool.waiting(), 1u);
    second->set();
    first->set();
    EXPECT_TRUE(wait_for([&] { return cancelled == 2; }));
}

TEST(Pool, AnotherCallersFirstJobDoesNotWait)
{
    Pool pool{{.threads = 2, .max_waiting = 8}};
    std::promise<void> go;
    const auto gate = go.get_future().share();
    std::atomic<int> modest{0};
    int greedy = 0;
    while (pool.submit([&](const Cancel&) { gate.wait(); }, "greedy")) ++greedy;
    EXPECT_EQ(greedy, 2 + 8);
    EXPECT_EQ(pool.no_place("greedy"), "8 wait, 8 of them of greedy, which has used its share");
    ASSERT_TRUE(pool.submit([&](const Cancel&) { ++modest; }, "modest"));
    EXPECT_TRUE(wait_for([&] { return modest == 1; })) << "on a thread more";
    ASSERT_TRUE(pool.submit([&](const Cancel&) { ++modest; }, "modest"));
    EXPECT_TRUE(wait_for([&] { return modest == 2; }));
    go.set_value();
    EXPECT_TRUE(wait_for([&] { return pool.waiting() == 0; }));
}

TEST(Pool, AJobThatIsWithdrawnRunsWhereItsCallerWants)
{
    std::promise<void> go;
    const auto gate = go.get_future().share();
    std::atomic<int> ran{0};
    Pool pool{{.threads = 1, .max_waiting = 1}};
    const auto job = [&](const Cancel& cancel) {
        ++ran;
        if (!cancel.is_set()) gate.wait();
    };
    const auto running = pool.submit(job);
    ASSERT_TRUE(wait_for([&] { return ran == 1; }));
    EXPECT_FALSE(pool.withdraw(running)) << "it runs";
    const auto waiting = pool.submit(job);
    ASSERT_TRUE(waiting);
    EXPECT_FALSE(pool.submit(job));
    waiting->set();
    const Pool::Job withdrawn = pool.withdraw(waiting);
    ASSERT_TRUE(withdrawn);
    withdrawn(*waiting);
    EXPECT_EQ(ran, 2);
    EXPECT_FALSE(pool.withdraw(waiting));
    EXPECT_TRUE(pool.submit(job)) << "its place is free";
    go.set_value();
    EXPECT_TRUE(wait_for([&] { return ran == 3; }));
}

TEST(Pool, StoppingAnswersEveryJob)
{
    std::atomic<int> answered{0};
    auto held = std::make_shared<int>(1);
    {
        Pool pool{{.threads = 2, .max_waiting = 100}};
        for (int i = 0; i < 50; ++i) {
            pool.submit([&answered, held](const Cancel& cancel) {
                wait_for([&] { return cancel.is_set(); });
                ++answered;
                if (answered % 2 == 0) throw std::runtime_error{"of a job"};
            });
        }
    }
    EXPECT_EQ(answered, 50);
    EXPECT_EQ(held.use_count(), 1);
}

TEST(Pool, StoppingAnswersTheJobsOfEveryCaller)
{
    std::atomic<int> answered{0};
    {
        Pool pool{{.threads = 1, .max_waiting = 100}};
        for (int i = 0; i < 90; ++i) {
            const auto job = [&answered](const Cancel& cancel) {
                wait_for([&] { return cancel.is_set(); });
                ++answered;
            };
            ASSERT_TRUE(pool.submit(job, std::to_string(i % 10)));
        }
        EXPECT_EQ(pool.waiting(), 80u) << "one of each runs";
    }
    EXPECT_EQ(answered, 90);
}

} // namespace
