#include "host/session/auth/clock_skew.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace agenthost::host {
namespace {

TEST(ServerClock, RunsOnFromTheDateWhateverHappensToOurs)
{
    ServerClock clock;
    EXPECT_EQ(clock.now(5'000'000, 1), 5'000'000); // nothing measured: ours
    clock.measure(1'000'000, 1'400'500, 70);
    EXPECT_EQ(clock.ahead(), 400'500);
    EXPECT_EQ(clock.now(1'400'500, 70), 1'000'000);
    EXPECT_EQ(clock.now(99, 1'070), 1'001'000); // ours was set meanwhile
    EXPECT_NE(clock.problem().find("is 400 s ahead of the server's. Set it"), std::string::npos)
        << clock.problem();
    clock.measure(1'000'000, 900'000, 70);
    EXPECT_NE(clock.problem().find("is 100 s behind the server's"), std::string::npos) << clock.problem();
    clock.measure(1'000'000, 1'001'900, 70); // what Date's whole seconds explain
    EXPECT_EQ(clock.ahead(), 0);
    EXPECT_EQ(clock.problem(), "");
    EXPECT_EQ(clock.now(1'001'900, 70), 1'000'000); // never ahead, all the same
}

TEST(ServerClock, SignsFurtherBackAtEachRefusal)
{
    ServerClock clock;
    EXPECT_FALSE(clock.measured());
    EXPECT_EQ(clock.ahead(), std::nullopt); // unknown is not zero
    std::vector<std::int64_t> back;
    for (int i = 0; i < 11; ++i) {
        back.push_back((1'000'000 - clock.now(1'000'000, 5)) / 1000);
        clock.refused();
    }
    EXPECT_EQ(back, (std::vector<std::int64_t>{0, 1, 2, 4, 8, 16, 32, 64, 128, 240, 0}));
    EXPECT_NE(clock.refusal().find(
                  "the difference between the clocks is unknown. The next attempt signs 1 s in the past"),
              std::string::npos)
        << clock.refusal();
    clock.measure(500'000, 500'100,
                  70); // a Date comes after all: it counts from there, as far back as before
    EXPECT_EQ(clock.now(1, 70), 499'000);
}

} // namespace
} // namespace agenthost::host
