// The process ends when its shut-down hangs, and not before.
#include "host/app/last_resort.hpp"

#include "tests/support/sanitized.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <unistd.h>

using namespace agenthost::host;
using namespace std::chrono_literals;

namespace {

TEST(LastResortDeathTest, EndsAProcessThatHangs)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            LastResort last_resort;
            last_resort.arm(1ms, 3);
            for (;;) ::pause();
        },
        ::testing::ExitedWithCode(3), "");
}

TEST(LastResortDeathTest, SparesAProcessThatEndsInTime)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            {
                LastResort last_resort;
                last_resort.arm(1h, 3);
            }
            std::exit(0);
        },
        ::testing::ExitedWithCode(0), "");
}

// Without a thread to spare (TasksMax, ulimit -u) the daemon must end all the same, and not by
// std::terminate().
TEST(LastResortDeathTest, EndsAProcessThatIsOutOfThreads)
{
    if (agenthost::test::sanitized) return; // its runtime needs address space of its own
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            rlimit none{};
            ::getrlimit(RLIMIT_AS, &none);
            none.rlim_cur = 1; // no space for a thread's stack
            ::setrlimit(RLIMIT_AS, &none);
            LastResort last_resort;
            last_resort.arm(1ms, 3);
            for (;;) ::pause();
        },
        ::testing::ExitedWithCode(3), "");
}

} // namespace
