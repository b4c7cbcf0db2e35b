// A plugin's worker threads when the machine has none to give.
#include "host/plugin/worker_pool.hpp"

#include "tests/support/sanitized.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <future>

using namespace agenthost;
using namespace agenthost::host;
using namespace std::chrono_literals;

namespace {

// 0: as it should be.
int start_without_threads_then_with()
{
    WorkerPool pool{2, 8, [](const agh_request&) {}};
    rlimit limit{};
    ::getrlimit(RLIMIT_AS, &limit);
    const auto before = limit.rlim_cur;
    limit.rlim_cur = 1; // no space for a thread's stack
    ::setrlimit(RLIMIT_AS, &limit);
    bool refused = false;
    try {
        pool.start();
    } catch (const std::exception&) {
        refused = true;
    }
    limit.rlim_cur = before;
    ::setrlimit(RLIMIT_AS, &limit);
    if (!refused || pool.started()) return 1;
    pool.start();
    std::promise<void> ran;
    pool.task([&] { ran.set_value(); });
    if (ran.get_future().wait_for(60s) != std::future_status::ready) return 2;
    pool.end();
    return pool.join(60s) ? 0 : 3;
}

TEST(WorkerPoolDeathTest, StartsOnceThreadsAreAvailableAgain)
{
    if (test::sanitized) return; // its runtime needs address space of its own
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(std::exit(start_without_threads_then_with()), testing::ExitedWithCode(0), "");
}

} // namespace
