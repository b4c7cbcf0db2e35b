// loop/1 in the runner, without a process: what waits is bounded until it runs, and what is cancelled does
// not run.
#include "host/runner/loop.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

namespace {

using agenthost::host::runner::Loop;

std::vector<Loop::Fired> due(Loop& loop)
{
    std::vector<pollfd> fds;
    loop.prepare(fds);
    ::poll(fds.data(), fds.size(), 0);
    return loop.collect(fds.data(), fds.size());
}

TEST(RunnerLoop, CountsAPostUntilItRuns)
{
    Loop loop{[] {}};
    for (std::size_t i = 0; i < Loop::max_posts; ++i) ASSERT_EQ(loop.post(i), AGH_OK);
    const auto waiting = due(loop); // on their way to a worker that is busy
    ASSERT_EQ(waiting.size(), Loop::max_posts);
    EXPECT_EQ(loop.post(1), AGH_E_BUSY);
    EXPECT_TRUE(loop.begin(waiting[0]));
    EXPECT_EQ(loop.post(1), AGH_OK);
    EXPECT_EQ(loop.post(1), AGH_E_BUSY);
}

TEST(RunnerLoop, CancelsATaskThatWaitsForAWorker)
{
    Loop loop{[] {}};
    agh_task task = 0;
    ASSERT_EQ(loop.timer(0, 0, 7, &task), AGH_OK);
    const auto fired = due(loop);
    ASSERT_EQ(fired.size(), 1u);
    EXPECT_EQ(loop.cancel(task), AGH_OK);
    EXPECT_FALSE(loop.begin(fired[0]));
    EXPECT_EQ(loop.cancel(task), AGH_E_STALE);
}

TEST(RunnerLoop, SkipsAPeriodWhileThePreviousOneIsPending)
{
    Loop loop{[] {}};
    agh_task task = 0;
    ASSERT_EQ(loop.timer(0, 1, 7, &task), AGH_OK); // due again at once
    const auto first = due(loop);
    ASSERT_EQ(first.size(), 1u);
    EXPECT_TRUE(due(loop).empty());
    EXPECT_TRUE(loop.begin(first[0]));
    EXPECT_EQ(due(loop).size(), 1u);
}

TEST(RunnerLoop, FiresAWatchOnce)
{
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ASSERT_EQ(::write(ends[1], "x", 1), 1);
    Loop loop{[] {}};
    agh_task task = 0;
    ASSERT_EQ(loop.watch(ends[0], POLLIN, 9, &task), AGH_OK);
    const auto fired = due(loop);
    ASSERT_EQ(fired.size(), 1u);
    EXPECT_TRUE(due(loop).empty()); // still readable, and waiting to run
    EXPECT_TRUE(loop.begin(fired[0]));
    EXPECT_TRUE(due(loop).empty());
    EXPECT_EQ(loop.cancel(task), AGH_E_STALE);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST(RunnerLoop, StartsNothingAfterClose)
{
    Loop loop{[] {}};
    agh_task task = 0;
    ASSERT_EQ(loop.post(1), AGH_OK);
    ASSERT_EQ(loop.timer(0, 0, 2, &task), AGH_OK);
    const auto fired = due(loop);
    ASSERT_EQ(fired.size(), 2u);
    loop.close();
    for (const auto& one : fired) EXPECT_FALSE(loop.begin(one));
}

} // namespace
