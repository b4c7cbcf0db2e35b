#include "host/listener/progress.hpp"

#include <gtest/gtest.h>

namespace {

using agenthost::host::listener::Progress;
using namespace std::chrono_literals;

TEST(ProgressTest, StallsIfFewerBytesThanTheMinimumMove)
{
    const Progress::Clock::time_point begin{1h};
    Progress progress;
    progress.restart(begin, 500);
    EXPECT_FALSE(progress.stalled(begin + 29s, 500, 1000, 30s));
    EXPECT_FALSE(progress.stalled(begin + 29s, 1500, 1000, 30s)) << "enough bytes";
    EXPECT_FALSE(progress.stalled(begin + 58s, 2499, 1000, 30s));
    EXPECT_TRUE(progress.stalled(begin + 59s, 2499, 1000, 30s)) << "a trickle is no progress";
    progress.moved(begin + 59s);
    EXPECT_EQ(progress.idle(begin + 60s), 1s);
    EXPECT_FALSE(progress.stalled(begin + 60s, 2499, 1000, 30s));
}

} // namespace
