// The threads that touch the disk, when the machine has none to give.
#include "host/listener/disk_pool.hpp"

#include "tests/support/sanitized.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

using namespace agenthost;

namespace {

// 0: as it should be.
int run_without_threads()
{
    host::listener::DiskPool pool;
    rlimit limit{};
    ::getrlimit(RLIMIT_AS, &limit);
    const auto before = limit.rlim_cur;
    limit.rlim_cur = 1; // no space for a thread's stack
    ::setrlimit(RLIMIT_AS, &limit);
    int ran = 0;
    pool.run([&] { ++ran; });
    pool.run([&] { ++ran; });
    limit.rlim_cur = before;
    ::setrlimit(RLIMIT_AS, &limit);
    return ran == 2 ? 0 : 1;
}

TEST(DiskPoolDeathTest, DoesTheWorkItselfWithoutThreads)
{
    if (test::sanitized) return; // its runtime needs address space of its own
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(std::exit(run_without_threads()), testing::ExitedWithCode(0), "");
}

} // namespace
