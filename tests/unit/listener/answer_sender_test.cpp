// A complete answer on its way to a socket, without a listener.
#include "host/listener/answer_sender.hpp"

#include "sender_fixture.hpp"

namespace agenthost::test {
namespace {

using host::listener::AnswerSender;

class AnswerSenderTest : public SenderTest {
protected:
    void send(AnswerSender::Answer answer)
    {
        host::listener::AnswerOwner& owner = *this;
        sender = std::make_shared<AnswerSender>(context(), std::move(answer), owner);
        sender->start();
    }
    std::shared_ptr<AnswerSender> sender;
};

TEST_F(AnswerSenderTest, CorksASmallAnswer)
{
    send({.text = "HTTP/1.1 200 OK\r\n\r\n", .fd = {}});
    EXPECT_EQ(sent, 1);
    ASSERT_TRUE(until([&] { return received == "HTTP/1.1 200 OK\r\n\r\n"; }));
    EXPECT_EQ(failed, 0);
}

TEST_F(AnswerSenderTest, SendsALargeAnswerAsThePeerReadsIt)
{
    const std::string text = random_bytes(5'000'000, 1);
    send({.text = text, .fd = {}});
    run_loop();
    EXPECT_EQ(sent, 0);
    ASSERT_TRUE(until([&] { return received.size() == text.size(); }));
    EXPECT_TRUE(received == text);
    ASSERT_TRUE(until_over());
    EXPECT_EQ(sent, 1);
}

TEST_F(AnswerSenderTest, SendsTheHeadAndThenThePartOfTheFile)
{
    const std::string content = random_bytes(3'000'000, 2);
    send({.text = "head", .fd = file(content), .offset = 1000, .size = 2'500'000});
    EXPECT_TRUE(sender->busy()) << "the pool sends files";
    ASSERT_TRUE(until_over());
    EXPECT_EQ(sent, 1);
    EXPECT_GT(moved, 0);
    ASSERT_TRUE(until([&] { return received.size() == 4 + 2'500'000; }));
    EXPECT_TRUE(received == "head" + content.substr(1000, 2'500'000));
    EXPECT_FALSE(sender->busy());
}

TEST_F(AnswerSenderTest, FailsIfTheFileIsShorterThanAnnounced)
{
    send({.text = "head", .fd = file("short"), .size = 100});
    ASSERT_TRUE(until_over());
    EXPECT_EQ(failed, 1);
    EXPECT_EQ(sent, 0);
}

TEST_F(AnswerSenderTest, FailsIfThePeerCloses)
{
    send({.text = random_bytes(5'000'000, 3), .fd = {}});
    peer.reset();
    ASSERT_TRUE(wait_for([&] {
        run_loop();
        return failed != 0;
    }));
    EXPECT_EQ(failed, 1);
    EXPECT_EQ(sent, 0);
}

TEST_F(AnswerSenderTest, MakesNoCallAfterTheConnectionEnds)
{
    wanted = false;
    send({.text = "head", .fd = file(std::string(100'000, 'x')), .size = 100'000});
    ASSERT_TRUE(until([&] { return !sender->busy(); }));
    run_loop();
    EXPECT_EQ(sent + failed, 0);
}

TEST_F(AnswerSenderTest, MakesNoCallAfterItIsDropped)
{
    send({.text = random_bytes(5'000'000, 4), .fd = {}});
    sender->drop();
    ASSERT_TRUE(until([&] { return !received.empty(); }));
    run_loop();
    EXPECT_EQ(sent + failed, 0);
}

} // namespace
} // namespace agenthost::test
