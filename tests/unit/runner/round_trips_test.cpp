#include "host/runner/round_trips.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace agenthost::host::runner {

namespace {

using namespace std::chrono_literals;
using Waited = RoundTrips::Waited;

TEST(RoundTrips, GiveEachCallItsOwnAnswer)
{
    RoundTrips trips;
    const auto first = trips.begin(), second = trips.begin();
    EXPECT_TRUE(trips.finish(*second, {.status = AGH_E_BUSY, .code = "BUSY", .text = "later", .offers = 0}));
    EXPECT_TRUE(trips.finish(*first, {.status = AGH_OK, .code = {}, .text = {}, .offers = 3}));
    RoundTrips::Answer answer;
    ASSERT_EQ(trips.wait(*first, 0ms, answer), Waited::answered);
    EXPECT_EQ(answer.offers, 3u);
    ASSERT_EQ(trips.wait(*second, 0ms, answer), Waited::answered);
    EXPECT_EQ(answer.text, "later");
}

TEST(RoundTrips, IgnoreAnAnswerAfterTheTimeout)
{
    RoundTrips trips;
    const auto id = trips.begin();
    RoundTrips::Answer answer;
    EXPECT_EQ(trips.wait(*id, 1ms, answer), Waited::timed_out);
    EXPECT_FALSE(trips.finish(*id, {}));
}

TEST(RoundTrips, EndWithTheRunner)
{
    RoundTrips trips;
    const auto id = trips.begin();
    std::thread other{[&] { trips.end("killed"); }};
    RoundTrips::Answer answer;
    EXPECT_EQ(trips.wait(*id, 0ms, answer), Waited::dead);
    other.join();
    EXPECT_EQ(trips.why(), "killed");
    EXPECT_FALSE(trips.begin());
}

TEST(RoundTrips, PreferAnAnswerToTheRunnersDeath)
{
    RoundTrips trips;
    const auto id = trips.begin();
    trips.finish(*id, {});
    trips.end("killed");
    RoundTrips::Answer answer;
    EXPECT_EQ(trips.wait(*id, 0ms, answer), Waited::answered);
}

} // namespace

} // namespace agenthost::host::runner
