#include "host/session/malformed_frames.hpp"
#include "host/session/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost::host;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

SessionStatus status(const MalformedFrames& frames)
{
    SessionStatus status;
    frames.add_to(status);
    return status;
}

TEST(MalformedFrames, LogsTheFirstOfEachConnectionAndCountsAll)
{
    MalformedFrames frames;
    frames.begin();
    EXPECT_FALSE(frames.any());
    const auto line = frames.add("wss://hub/x", "type is missing", R"({"a":1})");
    ASSERT_TRUE(line);
    EXPECT_THAT(*line, HasSubstr("wss://hub/x sent a frame that cannot be used: type is missing ("));
    EXPECT_TRUE(frames.any());
    EXPECT_FALSE(frames.add("wss://hub/x", "invalid JSON", "{"));
    EXPECT_EQ(status(frames).malformed, 2u);
    EXPECT_THAT(status(frames).malformed_last, HasSubstr("invalid JSON"));
    frames.begin();
    EXPECT_FALSE(frames.any());
    EXPECT_TRUE(frames.add("wss://hub/x", "invalid JSON", "{"));
    EXPECT_EQ(status(frames).malformed, 3u) << "of all connections";
}

TEST(MalformedFrames, KeepNoValueOfAFrameAndLittleOfAReason)
{
    MalformedFrames frames;
    const auto line = frames.add("wss://hub", std::string(1000, 'r') + "\n", R"({"token":"secret"})");
    ASSERT_TRUE(line);
    EXPECT_THAT(*line, Not(HasSubstr("secret")));
    EXPECT_LT(status(frames).malformed_last.size(), 500u);
}

} // namespace
