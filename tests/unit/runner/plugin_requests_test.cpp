// What the runner decides without asking the host: open requests, cancellation and the output window.
#include "host/runner/plugin_requests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agenthost::host::runner {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

agh_status ok() { return AGH_OK; }

TEST(PluginRequests, AnswersOnce)
{
    PluginRequests requests;
    requests.add(7, 0);
    bool late = false;
    EXPECT_EQ(requests.complete(7, false, late), AGH_E_INVALID)
        << "an invalid answer leaves the request open";
    EXPECT_TRUE(requests.is_open(7));
    EXPECT_EQ(requests.complete(7, true, late), AGH_OK);
    EXPECT_FALSE(late);
    EXPECT_EQ(requests.complete(7, true, late), AGH_E_STALE);
    EXPECT_FALSE(requests.remove(7));
}

TEST(PluginRequests, ReportsAnAnswerAfterTheDeadline)
{
    PluginRequests requests;
    requests.add(7, 1);
    EXPECT_TRUE(requests.cancelled(7));
    bool late = false;
    EXPECT_EQ(requests.complete(7, true, late), AGH_OK);
    EXPECT_TRUE(late);
}

TEST(PluginRequests, AreCancelledWhenUnknown)
{
    PluginRequests requests;
    requests.add(7, 0);
    EXPECT_FALSE(requests.cancelled(7));
    EXPECT_TRUE(requests.cancel(7));
    EXPECT_TRUE(requests.cancelled(7));
    EXPECT_FALSE(requests.cancel(8));
    EXPECT_TRUE(requests.cancelled(8));
}

TEST(PluginRequests, BlockOutputBeyondTheWindow)
{
    PluginRequests requests;
    requests.add(7, 0);
    EXPECT_EQ(requests.stream(7, stream_window, ok), AGH_OK);
    EXPECT_EQ(requests.stream(7, 1, ok), AGH_E_BUSY);
    EXPECT_THAT(requests.acknowledge(7, stream_window / 2 - 1, AGH_OK), IsEmpty())
        << "less than half is free";
    EXPECT_THAT(requests.acknowledge(7, 1, AGH_OK), ElementsAre(7));
    EXPECT_EQ(requests.stream(7, 1, ok), AGH_OK);
}

TEST(PluginRequests, AcceptOnePieceOfAnySize)
{
    PluginRequests requests;
    requests.add(7, 0);
    EXPECT_EQ(requests.stream(7, 2 * stream_window, ok), AGH_OK) << "otherwise it could never be sent";
    EXPECT_EQ(requests.stream(7, 1, ok), AGH_E_BUSY);
}

TEST(PluginRequests, DoNotCountOutputThatCouldNotBeSent)
{
    PluginRequests requests;
    requests.add(7, 0);
    EXPECT_EQ(requests.stream(7, stream_window, [] { return agh_status{AGH_E_CLOSED}; }), AGH_E_CLOSED);
    EXPECT_EQ(requests.stream(7, stream_window, ok), AGH_OK);
}

TEST(PluginRequests, RepeatTheHostsReplyToTheirOutput)
{
    PluginRequests requests;
    requests.add(7, 0);
    EXPECT_EQ(requests.stream(7, 1, ok), AGH_OK);
    requests.acknowledge(7, 1, AGH_E_CANCELLED);
    EXPECT_EQ(requests.stream(7, 1, ok), AGH_E_CANCELLED);
}

TEST(PluginRequests, ForgetABlockedRequestThatHasEnded)
{
    PluginRequests requests;
    requests.add(7, 0);
    EXPECT_EQ(requests.stream(7, stream_window, ok), AGH_OK);
    EXPECT_EQ(requests.stream(7, 1, ok), AGH_E_BUSY);
    EXPECT_TRUE(requests.remove(7));
    EXPECT_THAT(requests.acknowledge(7, stream_window, AGH_OK), IsEmpty());
}

} // namespace

} // namespace agenthost::host::runner
