#include "host/session/heartbeat.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

using agenthost::host::Heartbeat;
using namespace std::chrono_literals;

namespace {

struct HeartbeatTest : ::testing::Test {
    // Runs until the next call; how long it took.
    std::chrono::milliseconds next()
    {
        const auto begin = std::chrono::steady_clock::now();
        io.restart();
        const int before = calls;
        while (calls == before && io.run_one_for(60s) > 0) {}
        return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                     begin);
    }
    boost::asio::io_context io;
    int calls = 0;
    Heartbeat heartbeat{io.get_executor(), [this] { ++calls; }};
};

TEST_F(HeartbeatTest, FollowsTheIntervalThatTheServerAsksForWithinLimits)
{
    heartbeat.prepare(1h);
    heartbeat.start();
    heartbeat.follow(1ms);
    EXPECT_GE(next(), Heartbeat::min_interval - 10ms);
    heartbeat.stop();
    heartbeat.prepare(1h);
    heartbeat.start();
    EXPECT_LT(next(), 60s) << "what was asked for holds for later connections";
}

TEST_F(HeartbeatTest, CallsAPeerSilentAfterTwoIntervalsWithoutASign)
{
    heartbeat.prepare(1h);
    heartbeat.start();
    EXPECT_FALSE(heartbeat.peer_is_silent());
    heartbeat.sign_of_life();
    EXPECT_FALSE(heartbeat.peer_is_silent());
    EXPECT_FALSE(heartbeat.peer_is_silent());
    EXPECT_TRUE(heartbeat.peer_is_silent());
}

TEST_F(HeartbeatTest, IsSpokenUntilTheProtocolHasNoFrameForIt)
{
    heartbeat.prepare(1h);
    EXPECT_TRUE(heartbeat.spoken());
    heartbeat.not_spoken();
    EXPECT_FALSE(heartbeat.spoken());
    heartbeat.prepare(1h);
    EXPECT_TRUE(heartbeat.spoken()) << "the next connection tries again";
}

} // namespace
