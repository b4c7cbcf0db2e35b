#include "host/session/frame_limit.hpp"

#include <gtest/gtest.h>

using agenthost::host::FrameLimit;

namespace {

TEST(FrameLimit, IsAsConfiguredUntilTheServerRefusesAFrame)
{
    FrameLimit limit{1000};
    EXPECT_EQ(limit.bytes(), 1000u);
    limit.refused(600);
    EXPECT_EQ(limit.bytes(), 599u);
    limit.refused(800);
    EXPECT_EQ(limit.bytes(), 599u) << "it never grows again";
    limit.refused(0);
    EXPECT_EQ(limit.bytes(), 599u);
}

} // namespace
