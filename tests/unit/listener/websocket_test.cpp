// The WebSocket behind its narrow header, without a listener: the clock ticks whenever the test says.
#include "host/listener/websocket.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace agenthost::host;
using namespace agenthost::host::listener;

struct Events final : WebSocketEvents {
    void ws_message(int, std::string_view) override { ++messages; }
    void ws_sent(std::size_t) override {}
    void ws_ended(int code) override { ended = code; }
    int messages = 0, ended = 0;
};

WebSocket::Request request_for_a_websocket()
{
    WebSocket::Request request;
    request.method(boost::beast::http::verb::get);
    request.target("/");
    request.version(11);
    request.set(boost::beast::http::field::host, "x");
    request.set(boost::beast::http::field::upgrade, "websocket");
    request.set(boost::beast::http::field::connection, "Upgrade");
    request.set(boost::beast::http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
    request.set(boost::beast::http::field::sec_websocket_version, "13");
    return request;
}

// A storm of connections keeps the loop busy: the clock's tick comes while the 101 of many is still corked.
TEST(WebSocketTest, AnUpgradeThatIsNotSentYetIsNotStalled)
{
    boost::asio::io_context io;
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    Events events;
    const WebSocket::Request request = request_for_a_websocket();
    const auto ws = make_websocket(net::Stream{io.get_executor(), pair[0]}, {}, request, events, nullptr);
    ws->accept(request, {});
    for (int turn = 0; turn < 1000 && !ws->open() && events.ended == 0; ++turn) {
        ws->tick(std::chrono::steady_clock::now());
        io.poll_one();
    }
    EXPECT_EQ(events.ended, 0);
    ASSERT_TRUE(ws->open());
    char head[64] = {};
    io.poll();
    EXPECT_GT(::recv(pair[1], head, sizeof head - 1, MSG_DONTWAIT), 0);
    EXPECT_EQ(std::string{head}.substr(0, 12), "HTTP/1.1 101");
    ws->abort(1001);
    io.poll();
    EXPECT_EQ(events.ended, 1001);
    ::close(pair[1]);
}

// The one that finds the cork full is kept as it was: short strings live in their objects.
TEST(WebSocketTest, AShortMessageThatFindsNoSpaceIsSentLater)
{
    boost::asio::io_context io;
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    Events events;
    const WebSocket::Request request = request_for_a_websocket();
    const auto ws = make_websocket(net::Stream{io.get_executor(), pair[0]}, {}, request, events, nullptr);
    ws->accept(request, {});
    while (!ws->open()) io.poll_one();
    std::string expected;
    for (int i = 0; i < 300'000; ++i) {
        const std::string message = "number " + std::to_string(i);
        expected += '\x81';
        expected += static_cast<char>(message.size());
        expected += message;
        ws->send(1, message);
    }
    std::string got;
    char bytes[65'536];
    while (got.size() < expected.size() && events.ended == 0) {
        io.poll();
        const ssize_t n = ::recv(pair[1], bytes, sizeof bytes, MSG_DONTWAIT);
        if (n <= 0) continue;
        got.append(bytes, static_cast<std::size_t>(n));
        if (const auto end = got.find("\r\n\r\n"); end != got.npos) got.erase(0, end + 4); // of the 101
    }
    EXPECT_TRUE(got == expected);
    ws->abort(1001);
    io.poll();
    ::close(pair[1]);
}

} // namespace
