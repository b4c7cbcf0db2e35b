// Frames on their way into a cork whose peer reads nothing until the test does.
#include "host/net/frame_sender.hpp"

#include "pair.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

namespace agenthost::test {
namespace {

using host::net::FrameSender;
using host::net::Opcode;
using host::net::Stream;

class FrameSenderTest : public testing::Test {
protected:
    ~FrameSenderTest() override { ::close(peer); }
    // Sends the cork and returns what the peer then receives.
    std::string receive()
    {
        std::string all;
        std::string bytes(65'536, '\0');
        for (int quiet = 0; quiet < 10; ++quiet) {
            stream.flush();
            io.restart();
            io.poll();
            for (ssize_t n = 0; (n = ::recv(peer, bytes.data(), bytes.size(), 0)) > 0; quiet = 0)
                all.append(bytes, 0, static_cast<std::size_t>(n));
        }
        return all;
    }

    boost::asio::io_context io{1};
    std::pair<int, int> ends = socket_pair();
    Stream stream{io.get_executor(), ends.first};
    int peer = ends.second;
    FrameSender sender{false};
};

TEST_F(FrameSenderTest, WritesASmallMessageAtOnce)
{
    EXPECT_TRUE(sender.send(stream, Opcode::text, "hello"));
    EXPECT_FALSE(sender.sending());
    EXPECT_EQ(receive(), "\x81\x05hello");
}

TEST_F(FrameSenderTest, ContinuesAMessageThatDoesNotFit)
{
    const std::string message(3'000'000, 'm');
    ASSERT_FALSE(sender.send(stream, Opcode::binary, message));
    EXPECT_TRUE(sender.sending());
    std::string got = receive();
    while (!sender.go_on(stream)) got += receive();
    got += receive();
    EXPECT_FALSE(sender.sending());
    ASSERT_EQ(got.size(), 10 + message.size());
    EXPECT_TRUE(got.substr(10) == message);
}

TEST_F(FrameSenderTest, WritesNothingOfAMessageThatItOnlyTries)
{
    std::string first(200'000, 'x');
    while (sender.try_send(stream, Opcode::binary, first)) {}
    EXPECT_FALSE(sender.sending());
    const std::string got = receive();
    EXPECT_EQ(got.size() % (10 + first.size()), 0U) << "complete frames only";
}

TEST_F(FrameSenderTest, SendsTheLastPingOfSeveralAndThePongFirst)
{
    sender.keep(Opcode::ping, "early");
    sender.keep(Opcode::ping, "late");
    sender.keep(Opcode::pong, "p");
    EXPECT_TRUE(sender.send_controls(stream));
    EXPECT_EQ(receive(), "\x8A\x01p\x89\x04late");
}

TEST_F(FrameSenderTest, ClosesOnceTheCloseFrameIsKept)
{
    EXPECT_FALSE(sender.closing());
    sender.keep(Opcode::close, "\x03\xE8");
    EXPECT_TRUE(sender.closing());
    EXPECT_TRUE(sender.close_waits());
    EXPECT_FALSE(sender.close_sent());
    EXPECT_TRUE(sender.send_controls(stream));
    EXPECT_TRUE(sender.close_sent());
    EXPECT_FALSE(sender.close_waits());
    EXPECT_EQ(receive(), "\x88\x02\x03\xE8");
}

TEST_F(FrameSenderTest, MasksAsAClient)
{
    FrameSender client{true};
    EXPECT_TRUE(client.send(stream, Opcode::text, "hello"));
    std::string got = receive();
    ASSERT_EQ(got.size(), 2U + 4 + 5);
    EXPECT_EQ(static_cast<unsigned char>(got[1]), 0x85);
    for (std::size_t i = 0; i < 5; ++i) got[6 + i] = static_cast<char>(got[6 + i] ^ got[2 + i % 4]);
    EXPECT_EQ(got.substr(6), "hello");
}

} // namespace
} // namespace agenthost::test
