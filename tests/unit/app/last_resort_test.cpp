// The process ends when its shut-down hangs, and not before.
#include "host/app/last_resort.hpp"

#include <gtest/gtest.h>

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
        testing::ExitedWithCode(3), "");
}

TEST(LastResortDeathTest, LeavesOneAloneThatEndsInTime)
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
        testing::ExitedWithCode(0), "");
}

} // namespace
