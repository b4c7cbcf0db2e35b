#include "host/session/repeating_timer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <optional>

using agenthost::host::RepeatingTimer;
using namespace std::chrono_literals;

namespace {

struct RepeatingTimerTest : ::testing::Test {
    boost::asio::io_context io;
    int calls = 0;
    std::function<void()> also;
    std::optional<RepeatingTimer> timer{std::in_place, io.get_executor(), [this] {
                                            ++calls;
                                            if (also) also();
                                        }};
};

TEST_F(RepeatingTimerTest, RepeatsUntilItIsStopped)
{
    also = [this] {
        if (calls == 3) timer->stop();
    };
    timer->start(1ms);
    io.run_for(60s);
    EXPECT_EQ(calls, 3);
}

TEST_F(RepeatingTimerTest, CanBeRestartedByItsFunction)
{
    also = [this] {
        if (calls == 1) return timer->start(2ms);
        timer->stop();
    };
    timer->start(1ms);
    io.run_for(60s);
    EXPECT_EQ(calls, 2) << "one interval runs, not two";
}

TEST_F(RepeatingTimerTest, DoesNotCallAfterStopEvenIfItHasExpired)
{
    timer->start(1ms);
    // Expires before the loop runs.
    const auto until = std::chrono::steady_clock::now() + 3ms;
    while (std::chrono::steady_clock::now() < until) {}
    boost::asio::post(io, [this] { timer->stop(); });
    also = [this] { timer->stop(); };
    io.run_for(60s);
    EXPECT_LE(calls, 1);
    const int before = calls;
    io.restart();
    io.run_for(5ms);
    EXPECT_EQ(calls, before);
}

TEST_F(RepeatingTimerTest, StopsForAnIntervalOfZero)
{
    timer->start(1ms);
    timer->start(0ms);
    io.run_for(60s);
    EXPECT_EQ(calls, 0);
}

TEST_F(RepeatingTimerTest, DoesNotCallAfterItsDestruction)
{
    timer->start(1ms);
    timer.reset();
    io.run_for(60s);
    EXPECT_EQ(calls, 0);
}

} // namespace
