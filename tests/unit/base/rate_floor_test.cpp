#include "base/rate_floor.hpp"

#include <gtest/gtest.h>

namespace {

using agenthost::base::RateFloor;
using namespace std::chrono_literals;

constexpr RateFloor::Time start{};

TEST(RateFloor, MeasuresWholeWindows)
{
    RateFloor floor{{.bytes_per_second = 100, .window = 10s}, start};
    EXPECT_FALSE(floor.too_slow(0, start + 9s));
    EXPECT_FALSE(floor.too_slow(1000, start + 10s)); // 100 bytes/s exactly
    EXPECT_FALSE(floor.too_slow(1000, start + 19s));
    EXPECT_TRUE(floor.too_slow(1999, start + 20s));
}

TEST(RateFloor, DoesNotAverageASlowWindowWithAFastOne)
{
    RateFloor floor{{.bytes_per_second = 100, .window = 10s}, start};
    EXPECT_FALSE(floor.too_slow(1'000'000, start + 10s));
    EXPECT_TRUE(floor.too_slow(1'000'002, start + 20s)); // a byte every five seconds
}

TEST(RateFloor, ExpectsMoreBytesWhenCalledLate)
{
    RateFloor floor{{.bytes_per_second = 100, .window = 10s}, start};
    EXPECT_TRUE(floor.too_slow(1000, start + 15s));
}

TEST(RateFloor, IsOffAtZero)
{
    RateFloor floor{{.bytes_per_second = 0, .window = 10s}, start};
    EXPECT_FALSE(floor.too_slow(0, start + 1h));
}

} // namespace
