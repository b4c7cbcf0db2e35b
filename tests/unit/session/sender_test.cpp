#include "host/session/sender.hpp"
#include "host/session/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost;
using namespace agenthost::host;
using ::testing::HasSubstr;

namespace {

wire::Result result(std::string_view data, wire::Outcome outcome = wire::Outcome::success)
{
    wire::Result r;
    r.id = "1";
    r.action = "read";
    r.outcome = outcome;
    r.data = data;
    if (outcome != wire::Outcome::success) r.error = {"FILE_NOT_FOUND", "no such file", {}, data};
    return r;
}

struct SenderTest : ::testing::Test {
    explicit SenderTest(std::uint64_t peer = 2000) : sender{4096, peer}
    {
        wire::AgentSetup setup;
        setup.environment.utc_ms = [] { return 0; };
        setup.environment.uuid = [] { return "00000000-0000-4000-8000-000000000000"; };
        sender.use(wire::agent_codec(wire::Protocol::storage, std::move(setup)));
    }
    SessionStatus status()
    {
        SessionStatus status;
        sender.add_to(status);
        return status;
    }
    std::string next()
    {
        std::string frame{sender.front()};
        if (!frame.empty()) row = sender.written().row;
        return frame;
    }
    Sender sender;
    std::uint64_t row = 0;
};

TEST_F(SenderTest, QueuesAResultWithItsRow)
{
    EXPECT_EQ(sender.add_result(result(R"({"n":1})"), 7), Sender::Added::yes);
    EXPECT_THAT(next(), HasSubstr(R"("n":1)"));
    EXPECT_EQ(row, 7u);
    EXPECT_TRUE(sender.empty());
    EXPECT_EQ(status().frames_out, 1u);
}

TEST_F(SenderTest, PutsAnErrorInPlaceOfAResultThatIsTooLarge)
{
    const std::string data = '"' + std::string(3000, 'x') + '"';
    ASSERT_EQ(sender.add_result(result(data), 7), Sender::Added::too_large);
    std::string replaced;
    EXPECT_EQ(sender.add_instead(result(data), 7,
                                 [&](const wire::Result& instead) { replaced = instead.error.code; }),
              Sender::Added::yes);
    EXPECT_EQ(replaced, "TOO_LARGE");
    EXPECT_THAT(next(), HasSubstr("3002 bytes, the server accepts 2000"));
    EXPECT_EQ(row, 7u);
    EXPECT_EQ(status().too_large, 1u);
}

TEST_F(SenderTest, CountsTheWholeFrameOfAResultThatJustFits)
{
    const std::string data = '"' + std::string(1990, 'x') + '"';
    EXPECT_EQ(sender.add_result(result(data), 0), Sender::Added::too_large);
    EXPECT_TRUE(sender.empty()) << "nothing of it was queued";
}

TEST_F(SenderTest, LearnsASmallerLimit)
{
    const std::string data = '"' + std::string(1000, 'x') + '"';
    EXPECT_EQ(sender.add_result(result(data), 0), Sender::Added::yes);
    EXPECT_THAT(sender.refused_by_peer(1000, 0, [](const wire::Result&) { FAIL() << "it has no row"; }),
                HasSubstr("a message of 1000 bytes was larger than it accepts, although "
                          "limits.peer_message_bytes is 2000"));
    EXPECT_EQ(status().too_large, 0u);
    EXPECT_EQ(sender.add_result(result(data), 0), Sender::Added::too_large);
}

TEST_F(SenderTest, ReplacesAJournalledResultThatThePeerRefused)
{
    std::string code, message;
    (void)sender.refused_by_peer(1000, 7, [&](const wire::Result& instead) {
        code = instead.error.code;
        message = instead.error.message;
    });
    EXPECT_EQ(code, "TOO_LARGE");
    EXPECT_THAT(message, HasSubstr("it closed the session with 1009 (limits.peer_message_bytes is 2000)"));
    EXPECT_EQ(status().too_large, 1u);
}

TEST_F(SenderTest, PausesReadingWhileItsQueueIsFull)
{
    const std::string data = '"' + std::string(1500, 'x') + '"';
    while (!sender.must_pause_reading()) ASSERT_EQ(sender.add_result(result(data), 0), Sender::Added::yes);
    EXPECT_FALSE(sender.must_pause_reading()) << "it is paused already";
    EXPECT_FALSE(sender.may_resume_reading());
    sender.writable_wanted(true);
    EXPECT_FALSE(sender.writable_due());
    while (!sender.front().empty()) (void)sender.written();
    EXPECT_TRUE(sender.may_resume_reading());
    EXPECT_FALSE(sender.may_resume_reading());
    EXPECT_TRUE(sender.writable_due());
    EXPECT_FALSE(sender.writable_due());
}

TEST_F(SenderTest, ForgetsWhatWaitsWithTheConnection)
{
    ASSERT_EQ(sender.add_result(result("1"), 0), Sender::Added::yes);
    sender.writable_wanted(true);
    sender.clear();
    EXPECT_TRUE(sender.empty());
    EXPECT_FALSE(sender.writable_due());
}

} // namespace
