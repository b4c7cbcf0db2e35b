#include "plugins/hub/core/worker.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace {

using agenthost::hub::Worker;
using namespace std::chrono_literals;

// Jobs of file readers post themselves again; timers must run nevertheless.
TEST(WorkerTest, TicksAlthoughItsJobsNeverEnd)
{
    std::atomic<int> ticks{0};
    std::atomic<bool> enough{false};
    Worker worker{8, [&] {
                      ++ticks;
                      return Worker::Clock::now() + 1ms;
                  }};
    std::function<void()> again = [&] {
        if (!enough) worker.post(again);
    };
    worker.start();
    ASSERT_TRUE(worker.post(again));
    ASSERT_TRUE(worker.post(again));
    const int before = ticks;
    EXPECT_TRUE(agenthost::test::wait_for([&] { return ticks > before + 2; }));
    enough = true;
    worker.stop();
}

} // namespace
