// An answer in pieces on its way to a socket, without a listener.
#include "host/listener/piece_sender.hpp"

#include "sender_fixture.hpp"

namespace agenthost::test {
namespace {

using host::listener::PieceSender;
using Coding = PieceSender::Coding;

class PieceSenderTest : public SenderTest {
protected:
    void begin(Coding coding, std::optional<std::uint64_t> length, bool head_only = false)
    {
        host::listener::AnswerOwner& owner = *this;
        sender = std::make_shared<PieceSender>(context(), coding, length, head_only, owner);
        sender->begin("head ");
    }
    std::shared_ptr<PieceSender> sender;
};

TEST_F(PieceSenderTest, SendsEachPieceAsAChunk)
{
    begin(Coding::chunked, {});
    sender->add("hello");
    sender->add("");
    sender->add("world!");
    EXPECT_EQ(taken, 11U) << "bytes of the plugin, without the heads of chunks";
    EXPECT_EQ(sent, 0);
    sender->end();
    EXPECT_EQ(sent, 1);
    ASSERT_TRUE(until([&] { return received.ends_with("0\r\n\r\n"); }));
    EXPECT_EQ(received, "head 5\r\nhello\r\n6\r\nworld!\r\n0\r\n\r\n");
}

TEST_F(PieceSenderTest, SendsAKnownLengthWithoutChunks)
{
    begin(Coding::none, 10);
    sender->add("hello");
    sender->add("world");
    sender->end();
    EXPECT_EQ(sent, 1);
    ASSERT_TRUE(until([&] { return received == "head helloworld"; }));
}

TEST_F(PieceSenderTest, DoesNotEndAnIncompleteAnswerNormally)
{
    begin(Coding::none, 10);
    sender->add("hello");
    sender->end();
    EXPECT_EQ(failed, 1);
    EXPECT_EQ(sent, 0);
    sender->add("world");
    sender->end();
    EXPECT_EQ(failed + sent, 1) << "the end is reported once";
}

TEST_F(PieceSenderTest, FailsBeyondTheAnnouncedLength)
{
    begin(Coding::none, 3);
    sender->add("hello");
    EXPECT_EQ(failed, 1);
    ASSERT_TRUE(until([&] { return received == "head "; })) << "nothing of it is sent";
}

TEST_F(PieceSenderTest, CountsThePiecesOfAHeadRequestWithoutSendingThem)
{
    begin(Coding::chunked, {}, true);
    sender->add("hello");
    sender->end();
    EXPECT_EQ(taken, 5U);
    EXPECT_EQ(sent, 1);
    run_loop();
    ASSERT_TRUE(until([&] { return !received.empty(); }));
    EXPECT_EQ(received, "head ");
}

TEST_F(PieceSenderTest, TakesPiecesOnlyAsFastAsThePeerReads)
{
    begin(Coding::none, {});
    const std::string piece = random_bytes(4'000'000, 1);
    sender->add(piece);
    run_loop();
    EXPECT_FALSE(sender->empty());
    EXPECT_EQ(taken, 0U);
    sender->add("last");
    sender->end();
    EXPECT_EQ(sent, 0);
    ASSERT_TRUE(until([&] { return received.size() == 5 + piece.size() + 4; }));
    EXPECT_TRUE(received == "head " + piece + "last");
    ASSERT_TRUE(until_over());
    EXPECT_EQ(taken, piece.size() + 4);
    EXPECT_EQ(sent, 1);
}

TEST_F(PieceSenderTest, FailsIfThePeerCloses)
{
    begin(Coding::none, {});
    sender->add(random_bytes(4'000'000, 2));
    peer.reset();
    ASSERT_TRUE(wait_for([&] {
        run_loop();
        return failed != 0;
    }));
    EXPECT_EQ(failed, 1);
}

TEST_F(PieceSenderTest, MakesNoCallAfterItIsDropped)
{
    begin(Coding::none, {});
    sender->add(random_bytes(4'000'000, 3));
    sender->drop();
    ASSERT_TRUE(until([&] { return !received.empty(); }));
    run_loop();
    EXPECT_EQ(sent + failed, 0);
}

} // namespace
} // namespace agenthost::test
