#include "host/dispatch/journal/disk_reserve.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>

namespace {

using agenthost::host::DiskReserve;
using namespace std::chrono_literals;

TEST(DiskReserve, HoldsItsBytesUntilTheyAreReleased)
{
    const agenthost::test::TempDir dir;
    DiskReserve reserve{dir / "reserve", 4096};
    const DiskReserve::Time now{1h};
    EXPECT_TRUE(reserve.hold(now));
    EXPECT_EQ(std::filesystem::file_size(dir / "reserve"), 4096u);
    EXPECT_TRUE(reserve.release());
    EXPECT_EQ(std::filesystem::file_size(dir / "reserve"), 0u);
    EXPECT_FALSE(reserve.release()) << "nothing is left";
    EXPECT_TRUE(reserve.hold(now)) << "at once: what made it fail may be over";
}

TEST(DiskReserve, DoesNotTouchTheDiskAgainSoonAfterAFailure)
{
    const agenthost::test::TempDir dir;
    DiskReserve reserve{dir / "reserve", 1ULL << 62}; // no disk has as much
    const DiskReserve::Time now{1h};
    EXPECT_FALSE(reserve.hold(now));
    ASSERT_TRUE(std::filesystem::remove(dir / "reserve"));
    EXPECT_FALSE(reserve.hold(now + 1s));
    EXPECT_FALSE(reserve.hold(now + DiskReserve::retry_after - 1s));
    EXPECT_FALSE(std::filesystem::exists(dir / "reserve")) << "an attempt makes the file";
    EXPECT_FALSE(reserve.hold(now + DiskReserve::retry_after));
    EXPECT_TRUE(std::filesystem::exists(dir / "reserve"));
}

} // namespace
