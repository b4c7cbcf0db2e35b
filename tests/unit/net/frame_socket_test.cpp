// Both ends of a FrameSocket over a real pair of sockets, plain and TLS: messages of every size,
// back-pressure, control frames, the closing handshake.
#include "host/net/frame_socket.hpp"

#include "pair.hpp"

#include <boost/beast/websocket/error.hpp>
#include <gtest/gtest.h>

#include <deque>

#include <sys/ioctl.h>

namespace agenthost::test {
namespace {

using host::net::error_code;
using host::net::FrameReader;
using host::net::FrameSocket;
using host::net::Opcode;
namespace websocket = boost::beast::websocket;

// Keeps what it is told; sends what it is given in order.
class End final : public std::enable_shared_from_this<End>, private FrameSocket::Owner {
public:
    void open(host::net::Stream stream, FrameReader::Role role, std::uint64_t max_message = 1 << 24)
    {
        FrameSocket::Owner& owner = *this;
        socket = std::make_shared<FrameSocket>(std::move(stream), role, max_message, owner, weak_from_this());
        socket->start();
    }
    void send(std::string message)
    {
        queue.push_back(std::move(message));
        if (queue.size() == 1) send_queued();
    }

    std::shared_ptr<FrameSocket> socket;
    std::vector<std::string> messages, controls;
    std::deque<std::string> queue;
    std::optional<error_code> ended;
    std::function<void(std::string_view)> then;
    std::function<void()> reads_all;

private:
    void send_queued()
    {
        while (!queue.empty() && !socket->sending()) {
            if (!socket->send(Opcode::binary, queue.front())) return;
            queue.pop_front();
        }
    }
    void on_message(FrameSocket::Kind, std::string_view message) override
    {
        messages.emplace_back(message);
        if (then) then(message);
    }
    void on_read_all() override
    {
        if (reads_all) reads_all();
    }
    void on_control(FrameSocket::Kind kind, std::string_view payload) override
    {
        controls.push_back((kind == FrameSocket::Kind::ping ? "ping " : "pong ") + std::string{payload});
    }
    void on_written() override
    {
        queue.pop_front();
        send_queued();
    }
    void on_end(error_code ec) override { ended = ec; }
};

class FrameSockets : public testing::TestWithParam<bool> {
protected:
    FrameSockets()
    {
        client->open(std::move(*pair.a), FrameReader::Role::client);
        server->open(std::move(*pair.b), FrameReader::Role::server);
    }
    ~FrameSockets() override
    {
        client->socket->abort();
        server->socket->abort();
        pair.io.poll();
    }
    bool until(const std::function<bool()>& what) { return run_until(pair.io, what); }

    Pair pair{GetParam()};
    std::shared_ptr<End> client = std::make_shared<End>(), server = std::make_shared<End>();
};
INSTANTIATE_TEST_SUITE_P(PlainAndTls, FrameSockets, testing::Bool(),
                         [](const auto& info) { return info.param ? "Tls" : "Plain"; });

TEST_P(FrameSockets, CarryMessagesOfEverySizeBothWays)
{
    std::vector<std::string> sent;
    for (const std::size_t size :
         {0, 1, 125, 126, 300, 20'000, 32'767, 32'768, 65'536, 300'000, 3'000'000, 5, 0})
        sent.push_back(random_bytes(size, static_cast<unsigned>(size)));
    for (const std::string& message : sent) {
        client->send(message);
        server->send(message);
    }
    ASSERT_TRUE(until(
        [&] { return server->messages.size() == sent.size() && client->messages.size() == sent.size(); }));
    EXPECT_TRUE(server->messages == sent);
    EXPECT_TRUE(client->messages == sent);
}

TEST_P(FrameSockets, HoldControlFramesBackUntilAMessageIsWhole)
{
    server->socket->pause(true);
    client->send(std::string(8'000'000, 'm'));
    ASSERT_TRUE(client->socket->sending());
    client->socket->ping("early");
    client->socket->ping("late");
    server->socket->pause(false);
    ASSERT_TRUE(until([&] { return !client->controls.empty(); }));
    EXPECT_EQ(server->messages.size(), 1u);
    // Of pings that wait only the last is sent.
    EXPECT_EQ(server->controls, std::vector<std::string>{"ping late"});
    EXPECT_EQ(client->controls, std::vector<std::string>{"pong late"});
}

TEST_P(FrameSockets, TakeAMessageWholeOrNotAtAll)
{
    server->socket->pause(true);
    std::vector<std::string> taken;
    for (;;) {
        std::string message = std::to_string(taken.size());
        if (!client->socket->try_send(Opcode::binary, message)) break;
        taken.push_back(std::move(message));
        ASSERT_LT(taken.size(), 10'000'000u);
    }
    EXPECT_FALSE(client->socket->sending());
    server->socket->pause(false);
    ASSERT_TRUE(until([&] { return server->messages.size() == taken.size(); }));
    client->send("last");
    taken.emplace_back("last");
    ASSERT_TRUE(until([&] { return server->messages.size() == taken.size(); }));
    EXPECT_TRUE(server->messages == taken);
}

// Answers that leave with the flush after what is read, and messages sent from elsewhere in between.
TEST_P(FrameSockets, SendInTheOrderOfTheCalls)
{
    std::vector<std::string> expected;
    const auto say = [&](std::size_t size) {
        expected.push_back(std::to_string(expected.size()) + std::string(size, 'x'));
        server->send(expected.back());
    };
    server->then = [&](std::string_view) {
        say(10);
        say(50'000);
    };
    client->socket->pause(true);
    for (int round = 0; round < 200; ++round) {
        client->send("question");
        say(20);
        pair.io.poll_one();
        say(round % 10 == 0 ? 100'000 : 0);
    }
    ASSERT_TRUE(until([&] { return server->messages.size() == 200; }));
    client->socket->pause(false);
    ASSERT_TRUE(until([&] { return client->messages.size() == expected.size(); }));
    EXPECT_TRUE(client->messages == expected);
}

TEST_P(FrameSockets, ReadNothingWhilePaused)
{
    server->then = [&](std::string_view) { server->socket->pause(true); };
    for (int i = 0; i < 3; ++i) client->send("m");
    ASSERT_TRUE(until([&] { return !server->messages.empty(); }));
    for (int i = 0; i < 100; ++i) pair.io.poll_one();
    EXPECT_EQ(server->messages.size(), 1u);
    server->then = {};
    server->socket->pause(false);
    ASSERT_TRUE(until([&] { return server->messages.size() == 3; }));
}

TEST_P(FrameSockets, CloseWithCodeAndReasonAfterTheMessageBeingSent)
{
    client->send(std::string(2'000'000, 'm'));
    client->socket->close(4001, "enough");
    ASSERT_TRUE(until([&] { return client->ended && server->ended; }));
    EXPECT_EQ(server->messages.size(), 1u);
    EXPECT_EQ(*server->ended, websocket::error::closed);
    EXPECT_EQ(server->socket->close_code(), 4001);
    EXPECT_EQ(server->socket->close_reason(), "enough");
    EXPECT_EQ(*client->ended, websocket::error::closed);
    EXPECT_EQ(client->socket->close_code(), 4001);
}

// Reading goes on by itself, or the peer's answer would never be seen.
TEST_P(FrameSockets, CloseWhilePaused)
{
    server->socket->pause(true);
    client->send("unread");
    server->socket->close(1001, "going away");
    ASSERT_TRUE(until([&] { return client->ended && server->ended; }));
    EXPECT_EQ(*server->ended, websocket::error::closed);
    EXPECT_EQ(client->socket->close_reason(), "going away");
}

TEST_P(FrameSockets, ReadTheAnswerToACloseThatWaitedForSpace)
{
    client->socket->pause(true);
    server->socket->pause(true);
    server->send(std::string(8'000'000, 'm'));
    ASSERT_TRUE(server->socket->sending());
    server->socket->close(1001, "going away");
    client->socket->pause(false);
    ASSERT_TRUE(until([&] { return client->ended && server->ended; }));
    EXPECT_EQ(*server->ended, websocket::error::closed);
    EXPECT_EQ(client->messages.size(), 1u);
}

// RFC 6455, 5.5.1.
TEST_P(FrameSockets, SendNoMessageAfterTheirCloseFrame)
{
    client->socket->pause(true);
    for (const std::size_t size : {8'000'000, 10, 10}) server->send(std::string(size, 'm'));
    ASSERT_TRUE(server->socket->sending());
    client->socket->close(1000, {});
    ASSERT_TRUE(until([&] { return client->ended && server->ended; }));
    EXPECT_EQ(*client->ended, websocket::error::closed);
    EXPECT_EQ(client->messages.size(), 1u);
    EXPECT_EQ(server->queue.size(), 2u);
}

TEST_P(FrameSockets, SendNoAnswerToWhatCameWithACloseFrame)
{
    server->then = [&](std::string_view) { server->send("answer"); };
    client->socket->pause(true);
    server->socket->pause(true);
    client->send("question");
    client->socket->close(1000, {});
    server->reads_all = [&] {
        if (!server->messages.empty()) server->send("late");
    };
    pair.io.poll(); // both frames have left
    server->socket->pause(false);
    ASSERT_TRUE(until([&] { return client->ended && server->ended; }));
    EXPECT_EQ(client->messages, std::vector<std::string>{"answer"});
    EXPECT_FALSE(server->queue.empty());
}

TEST_P(FrameSockets, TellThePeerWhatItDidWrong)
{
    server->socket->set_max_message(10);
    client->send("12345678901");
    ASSERT_TRUE(until([&] { return client->ended && server->ended; }));
    EXPECT_EQ(*server->ended, websocket::error::message_too_big);
    EXPECT_EQ(client->socket->close_code(), 1009);
    EXPECT_TRUE(server->messages.empty());
}

// So that the peer works on the first answers while the others are made.
TEST_P(FrameSockets, SendAnswersWhileMoreInputWaits)
{
    const auto waiting = [&] {
        int bytes = 0;
        ::ioctl(client->socket->stream().native_handle(), FIONREAD, &bytes);
        return bytes;
    };
    int first = -1, last = -1;
    server->then = [&](std::string_view message) {
        server->send(std::string{message});
        if (server->messages.size() == 1) first = waiting();
        if (server->messages.size() == 100) last = waiting();
    };
    for (int i = 0; i < 100; ++i) client->send("question");
    ASSERT_TRUE(until([&] { return client->messages.size() == 100; }));
    EXPECT_EQ(first, 0);
    EXPECT_GT(last, 0);
}

TEST_P(FrameSockets, SendNothingAfterAnAbortWhileMoreInputWaits)
{
    int calls = 0;
    server->then = [&](std::string_view message) { server->send(std::string{message}); };
    server->reads_all = [&] {
        if (++calls == 1) server->socket->abort();
    };
    for (int i = 0; i < 100; ++i) client->send("question");
    ASSERT_TRUE(until([&] { return client->ended.has_value(); }));
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(client->messages.empty());
}

TEST_P(FrameSockets, KeepAMessageValidWhenItsHandlerAborts)
{
    std::string seen;
    server->then = [&](std::string_view message) {
        server->socket->abort();
        seen = message;
    };
    client->send("the last word");
    ASSERT_TRUE(until([&] { return !seen.empty() && client->ended.has_value(); }));
    EXPECT_EQ(seen, "the last word");
    EXPECT_FALSE(server->ended);
    EXPECT_NE(*client->ended, websocket::error::closed);
}

} // namespace
} // namespace agenthost::test
