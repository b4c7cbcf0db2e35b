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

// A storm of connections keeps the loop busy: the clock's tick comes while the 101 of many is still corked.
TEST(WebSocketTest, AnUpgradeThatHasNotLeftYetIsNotStalled)
{
    boost::asio::io_context io;
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    Events events;
    WebSocket::Request request;
    request.method(boost::beast::http::verb::get);
    request.target("/");
    request.version(11);
    request.set(boost::beast::http::field::host, "x");
    request.set(boost::beast::http::field::upgrade, "websocket");
    request.set(boost::beast::http::field::connection, "Upgrade");
    request.set(boost::beast::http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
    request.set(boost::beast::http::field::sec_websocket_version, "13");
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

} // namespace
