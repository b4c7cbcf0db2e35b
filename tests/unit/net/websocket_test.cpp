// Beast over the Stream: the one instantiation both session and listener rely on.
#include "pair.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <gtest/gtest.h>

namespace agenthost::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using host::net::error_code;
using WebSocket = beast::websocket::stream<host::net::Stream, false>;

class WebSockets : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(PlainAndTls, WebSockets, testing::Bool(),
                         [](const auto& info) { return info.param ? "Tls" : "Plain"; });

TEST_P(WebSockets, EchoManyMessagesAndCloseCleanly)
{
    Pair pair{GetParam()};
    WebSocket client{std::move(*pair.a)}, server{std::move(*pair.b)};
    int ready = 0;
    server.async_accept([&](error_code ec) {
        EXPECT_FALSE(ec) << ec.message();
        ++ready;
    });
    client.async_handshake("localhost", "/", [&](error_code ec) {
        EXPECT_FALSE(ec) << ec.message();
        ++ready;
    });
    ASSERT_TRUE(run_until(pair.io, [&] { return ready == 2; }));

    constexpr int total = 2000;
    const std::string text(200, 'm'), big(400'000, 'B');
    beast::flat_buffer at_server, at_client;
    error_code server_end;
    std::function<void()> serve = [&] {
        server.async_read(at_server, [&](error_code ec, std::size_t) {
            if (ec) {
                server_end = ec;
                return;
            }
            server.async_write(at_server.data(), [&](error_code ec, std::size_t n) {
                ASSERT_FALSE(ec) << ec.message();
                at_server.consume(n);
                serve();
            });
        });
    };
    serve();
    int sent = 0, echoed = 0;
    bool closed = false;
    std::function<void()> send = [&] {
        client.async_write(asio::buffer(sent % 500 == 7 ? big : text), [&](error_code ec, std::size_t) {
            ASSERT_FALSE(ec) << ec.message();
            if (++sent < total) send();
        });
    };
    std::function<void()> receive = [&] {
        client.async_read(at_client, [&](error_code ec, std::size_t n) {
            ASSERT_FALSE(ec) << ec.message();
            ASSERT_EQ(n, echoed % 500 == 7 ? big.size() : text.size());
            at_client.consume(n);
            if (++echoed < total) return receive();
            client.async_close(beast::websocket::close_code::normal, [&](error_code ec) {
                EXPECT_FALSE(ec) << ec.message();
                closed = true;
            });
        });
    };
    send();
    receive();
    ASSERT_TRUE(run_until(pair.io, [&] { return closed && server_end; }));
    EXPECT_EQ(server_end, beast::websocket::error::closed);
    EXPECT_LT(client.next_layer().bytes_out(), total * 220u + 4 * 420'000u + 200'000u);
}

} // namespace
} // namespace agenthost::test
