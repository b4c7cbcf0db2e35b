// The time of a WebSocket: no socket, no waiting.
#include "host/listener/websocket_clock.hpp"

#include <gtest/gtest.h>

namespace {

using namespace agenthost::host::listener;
using namespace std::chrono_literals;
using Due = WebSocketClock::Due;

class WebSocketClockTest : public testing::Test {
protected:
    WebSocketClockTest() { clock.opened(now); }
    Due after(std::chrono::milliseconds time)
    {
        now += time;
        return clock.tick(now, limits, sight);
    }

    WebSocketClock::Time now{100h};
    WebSocketLimits limits{.idle = 10s, .ping = 30s, .silent = 0s};
    WebSocketClock::Sight sight{.open = true, .heard = true};
    WebSocketClock clock{now};
};

TEST_F(WebSocketClockTest, EndsAPeerThatSendsNoFirstMessage)
{
    sight.heard = false;
    EXPECT_EQ(after(9s), Due::nothing);
    EXPECT_EQ(after(1s), Due::idle);
}

TEST_F(WebSocketClockTest, PingsInIntervals)
{
    EXPECT_EQ(after(29s), Due::nothing);
    EXPECT_EQ(after(1s), Due::ping);
    EXPECT_EQ(after(1s), Due::nothing);
    ++sight.bytes_in;
    EXPECT_EQ(after(29s), Due::ping);
}

TEST_F(WebSocketClockTest, EndsAPeerThatAnswersNoPing)
{
    EXPECT_EQ(after(30s), Due::ping);
    EXPECT_EQ(after(30s), Due::ping);
    EXPECT_EQ(after(30s), Due::lost);
}

TEST_F(WebSocketClockTest, CountsNoPingsWhilePaused)
{
    sight.paused = true;
    for (int i = 0; i < 5; ++i) EXPECT_EQ(after(30s), Due::ping);
}

TEST_F(WebSocketClockTest, SendsNoPingsIfThereIsNoInterval)
{
    limits.ping = 0s;
    EXPECT_EQ(after(24h), Due::nothing);
}

TEST_F(WebSocketClockTest, EndsASilentPeer)
{
    limits = {.idle = 10s, .ping = 0s, .silent = 5s};
    EXPECT_EQ(after(1s), Due::nothing);
    EXPECT_EQ(after(4s), Due::nothing);
    ++sight.bytes_in;
    EXPECT_EQ(after(1s), Due::nothing);
    EXPECT_EQ(after(4s), Due::nothing);
    EXPECT_EQ(after(1s), Due::lost);
}

TEST_F(WebSocketClockTest, EndsAPeerThatReadsNothing)
{
    limits.ping = 0s;
    sight.unsent = true;
    EXPECT_EQ(after(29s), Due::nothing);
    ++sight.bytes_out;
    EXPECT_EQ(after(1s), Due::nothing);
    EXPECT_EQ(after(29s), Due::nothing);
    EXPECT_EQ(after(1s), Due::lost);
}

TEST_F(WebSocketClockTest, EndsAHandshakeThatTakesTooLong)
{
    WebSocketClock young{now};
    sight = {};
    EXPECT_EQ(young.tick(now, limits, sight), Due::nothing);
    EXPECT_EQ(young.tick(now + 4s, limits, sight), Due::nothing);
    EXPECT_EQ(young.tick(now + 5s, limits, sight), Due::lost);
}

TEST_F(WebSocketClockTest, WaitsForThePeersCloseFrame)
{
    sight.closing = true;
    clock.closing(now);
    EXPECT_EQ(after(29s), Due::nothing) << "queued messages are sent first";
    clock.close_frame_sent(now);
    EXPECT_EQ(after(4s), Due::nothing);
    EXPECT_EQ(after(1s), Due::lost);
}

TEST_F(WebSocketClockTest, LingersTwoSeconds)
{
    clock.linger(now);
    EXPECT_FALSE(clock.lingered(now + 1s));
    EXPECT_TRUE(clock.lingered(now + 2s));
}

} // namespace
