#include "host/session/end_reason.hpp"
#include "host/session/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost::host;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

struct EndReasonTest : ::testing::Test {
    void end(int code = 0, std::string_view words = {})
    {
        reason.ended({.close_code = code,
                      .close_reason = words,
                      .utc_ms = now,
                      .running_ms = now,
                      .agent_id = "node-01",
                      .url = "wss://hub"});
    }
    SessionStatus status()
    {
        SessionStatus status;
        reason.add_to(status);
        return status;
    }
    std::int64_t now = 1'000'000;
    EndReason reason;
};

TEST_F(EndReasonTest, PrefersWhatWeKnowToWhatTheSocketReports)
{
    reason.begin();
    reason.blame("no answer");
    reason.socket_ended("connection reset");
    EXPECT_EQ(reason.problem(), "no answer");
    reason.begin();
    reason.socket_ended("connection refused");
    EXPECT_EQ(reason.problem(), "connection refused");
    reason.socket_ended("");
    EXPECT_EQ(reason.problem(), "connection refused");
}

TEST_F(EndReasonTest, IsGoneWhenTheSessionIsReady)
{
    reason.blame("no answer");
    end();
    reason.ready(now);
    EXPECT_EQ(reason.problem(), "");
    EXPECT_EQ(status().first_problem, "no answer") << "until the session has lasted";
    reason.settled();
    EXPECT_EQ(status().first_problem, "");
}

TEST_F(EndReasonTest, KeepsTheFirstCauseOfAnOutage)
{
    reason.blame("cable");
    end();
    now += 1000;
    reason.blame("DNS");
    end();
    EXPECT_EQ(status().problem, "DNS");
    EXPECT_EQ(status().first_problem, "cable");
    EXPECT_EQ(status().first_problem_at, 1'000'000);
    EXPECT_THAT(problem_text(status(), now + 60'000), HasSubstr("began 61 s ago with: cable"));
}

TEST_F(EndReasonTest, NoticesAnotherAgentWithTheSameIdentity)
{
    for (int i = 0; i < 3; ++i) {
        reason.begin();
        reason.ready(now);
        now += 5000;
        reason.socket_ended("closed");
        end(4000, "replaced by a newer session");
        now += 1000;
    }
    EXPECT_TRUE(reason.in_conflict(now));
    EXPECT_THAT(reason.problem(), HasSubstr("another agent uses this agent's identity (node-01)"));
    EXPECT_GE(reason.pause().count(), 30'000);
}

TEST_F(EndReasonTest, DoesNotSuspectAnotherAgentAfterFailedAttempts)
{
    for (int i = 0; i < 10; ++i) {
        reason.begin();
        reason.socket_ended("connection refused");
        end();
        now += 1000;
    }
    EXPECT_FALSE(reason.in_conflict(now));
    EXPECT_THAT(reason.problem(), Not(HasSubstr("identity")));
}

} // namespace
