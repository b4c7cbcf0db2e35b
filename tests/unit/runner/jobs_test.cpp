// The runner's threads: what stop() drops, and what it does not.
#include "host/runner/jobs.hpp"

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace {

using agenthost::host::runner::Jobs;

TEST(RunnerJobs, StopDropsWaitingJobsExceptOwedOnes)
{
    Jobs jobs;
    jobs.start(1);
    std::promise<void> go;
    std::atomic<bool> busy{false};
    jobs.add([&] {
        busy = true;
        go.get_future().wait();
    });
    ASSERT_TRUE(agenthost::test::wait_for([&] { return busy.load(); }));
    std::atomic<int> dropped{0}, kept{0};
    jobs.add([&] { ++dropped; });
    jobs.add([&] { ++kept; }, true);
    jobs.add([&] { ++dropped; });
    std::thread stopper{[&] { jobs.stop(); }};
    // Refused from the moment stop() has the queue; until then it is one more that is dropped.
    std::atomic<int> late{0};
    const auto refuses = [&] {
        auto token = std::make_shared<int>(0);
        const std::weak_ptr<int> waits = token;
        jobs.add([&late, token = std::move(token)] { ++late; });
        return waits.expired();
    };
    EXPECT_TRUE(agenthost::test::wait_for(refuses));
    go.set_value();
    stopper.join();
    EXPECT_EQ(dropped, 0);
    EXPECT_EQ(late, 0);
    EXPECT_EQ(kept, 1);
}

} // namespace
